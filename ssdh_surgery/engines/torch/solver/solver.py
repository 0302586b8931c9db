"""The solver: trains a net, tests it and writes snapshots, in the order of Caffe's solver.cpp."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

import torch

from ssdh_surgery.caffe.training.rate_schedule import RateSchedule
from ssdh_surgery.caffe.training.solver_types import solver_type
from ssdh_surgery.caffe.weights.snapshot_digests import SnapshotDigests
from ssdh_surgery.caffe.weights.solverstate import SolverState
from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.torch.net.graph_net import Pass
from ssdh_surgery.engines.torch.solver.debug_info import debug_pass, say_update
from ssdh_surgery.engines.torch.solver.display import Average, SmoothedLoss, output_weights, scores
from ssdh_surgery.engines.torch.solver.divergence import divergence
from ssdh_surgery.engines.torch.solver.peers import PeerGroup, SingleProcess
from ssdh_surgery.engines.torch.solver.record_sample import RecordSample
from ssdh_surgery.engines.torch.solver.requests import Request, RequestQueue
from ssdh_surgery.engines.torch.solver.setup import SolverSetup
from ssdh_surgery.engines.torch.solver.sidecar import NetPosition, Sidecar
from ssdh_surgery.engines.torch.solver.snapshots import SnapshotPlace, write_snapshot
from ssdh_surgery.engines.torch.solver.solver_nets import Say, SolverNet, SolverNets
from ssdh_surgery.engines.torch.solver.update_rule import Learnable
from ssdh_surgery.engines.torch.solver.updates import update_rule

# A share of the time.
_LONG_WAIT = 0.5


class TorchSolver:
    """Trains the train net of a solver; what happens is an iterator of events.

    Args:
        setup: the solver's file.
        nets: its nets.
        say: writes a line to the log.
        requests: the user's requests during the run.
        group: the processes that train together; all but the first only train.
        precision: float32, tf32 or bf16.
        sample: the blobs that each test reports a sample of.

    `iteration` is the number of updates so far, `last_loss` the loss of the last pass.
    """

    def __init__(
        self,
        setup: SolverSetup,
        nets: SolverNets,
        say: Say,
        *,
        requests: RequestQueue | None = None,
        group: PeerGroup | None = None,
        precision: str = "float32",
        sample: Sequence[str] = (),
    ) -> None:
        self.param = param = setup.param
        self.nets = nets
        self.iteration = 0
        self.last_loss = math.nan
        learnable = nets.train.net.learnable_params
        self.rule = update_rule(
            param, [Learnable(p.tensor, p.lr_mult, p.decay_mult) for p in learnable]
        )
        self.learning_rate = RateSchedule(param)
        self.smoothed = SmoothedLoss(param.average_loss)
        self.place = SnapshotPlace(setup.folder, setup.prefix, param.snapshot_format == 0)
        self.group = group or SingleProcess()
        # The iteration of the last snapshot, or of the one that the run resumed from.
        self.snapshot_iteration: int | None = None
        self._say = say
        self._requests = requests or RequestQueue()
        self._precision = precision
        self._sample = sample
        self._pending_request = Request.NONE
        self._is_stopping = False
        self._outputs: dict[str, torch.Tensor] = {}
        self._output_weights = output_weights(nets.train.net)
        self._clock = 0.0
        self._waited = 0.0
        self._last_display: int | None = None

    @property
    def kind(self) -> str:
        """The solver's type."""
        return solver_type(self.param)

    @property
    def _leads(self) -> bool:
        return self.group.rank == 0

    @property
    def _leaves(self) -> list[torch.Tensor]:
        return [param.tensor for param in self.nets.train.net.learnable_params]

    def solve(self) -> Iterator[Event]:
        """Train up to `max_iter`, or until a request to stop.

        Raises:
            EngineError: the loss became nan or infinite, or a layer refuses its input.
            DataError: a bad record.
            FileError: a snapshot cannot be written.
        """
        param = self.param
        yield events.TrainingStart(self.nets.train.net.name)
        self._say("solver.cpp:290", f"Learning Rate Policy: {param.lr_policy}")
        self.group.synchronise(self._leaves)
        self._clock = time.monotonic()
        start = self.iteration
        while self.iteration < param.max_iter and not self._is_stopping:
            yield from self.step()
        is_due = self.iteration > start if self._is_stopping else param.snapshot_after_train
        if is_due and self.iteration != self.snapshot_iteration:
            yield from self._snapshot()
        if not self._is_stopping and self._leads:
            yield from self._display_end()
        yield events.TrainingEnd(is_early=self._is_stopping)

    def _display_end(self) -> Iterator[Event]:
        """Run one more pass of the train net and the test nets, to display the final state."""
        param = self.param
        if param.display and self.iteration % param.display == 0:
            with torch.no_grad():
                loss = float(self.nets.train.run(self._precision).loss)
            self.smoothed.add(loss, self.iteration)
            yield events.Iteration(self.iteration, self.smoothed.value)
        if param.test_interval and self.iteration % param.test_interval == 0:
            yield from self.test_all()

    def step(self) -> Iterator[Event]:
        """Run one iteration: an update, and a test and a snapshot if due."""
        param, net = self.param, self.nets.train.net
        net.clear_param_diffs()
        if self._test_is_due():
            yield from self.test_all()
            if self._pending_request is Request.STOP and self.group.size == 1:
                self._is_stopping = True
                return
        is_displayed = bool(param.display) and self.iteration % param.display == 0
        losses = [self._forward_backward(is_displayed) for _ in range(param.iter_size)]
        self.smoothed.add(sum(losses) / len(losses), self.iteration)
        if is_displayed and self._leads:
            yield from self._display()
        request = self._agree()
        yield from self._update(is_displayed)
        if self.group.size == 1:
            request = self._requests.take()
        is_due = param.snapshot and self.iteration % param.snapshot == 0
        if is_due or request is Request.SNAPSHOT:
            yield from self._snapshot()
        self._is_stopping = request is Request.STOP

    def _forward_backward(self, is_displayed: bool) -> float:
        train = self.nets.train
        generator = train.net.generator.get_state()
        if is_displayed and self.param.debug_info:
            result = debug_pass(train.net, self._say)
        else:
            result = train.run(self._precision)
        self.last_loss = float(result.loss.detach())
        if not math.isfinite(self.last_loss):
            raise divergence(train, self.iteration, self.last_loss, generator)
        if result.loss.requires_grad:
            torch.autograd.backward(result.loss)
        self._outputs = result.outputs
        return self.last_loss

    def _agree(self) -> Request:
        """Average the gradients over the processes, and agree on one request."""
        if self.group.size == 1:
            return Request.NONE
        request = self._pending_request or self._requests.take()
        self._pending_request = Request.NONE
        gradients = [leaf.grad for leaf in self._leaves if leaf.grad is not None]
        return self.group.average(gradients, request)

    def _update(self, is_displayed: bool) -> Iterator[Event]:
        step = self.learning_rate.step
        rate = self.learning_rate.at(self.iteration)
        if self.param.lr_policy == "multistep" and step != self.learning_rate.step:
            message = f"MultiStep Status: Iteration {self.iteration}, step = {step + 1}"
            self._say("sgd_solver.cpp:50", message)
        if is_displayed and self._leads:
            yield events.LearningRate(self.iteration, rate)
            if self.param.debug_info:
                say_update(self.nets.train.net, self._say)
        clipping = self.rule.apply(rate, self.iteration)
        if clipping:
            self._say(
                "sgd_solver.cpp:91",
                f"Gradient clipping: scaling down gradients (L2 norm {clipping.norm:g} > "
                f"{self.param.clip_gradients:g}) by scale factor {clipping.factor:g}",
            )
        self.iteration += 1

    def _display(self) -> Iterator[Event]:
        now = time.monotonic()
        seconds, self._clock = now - self._clock, now
        waited, self._waited = self.nets.wait_seconds - self._waited, self.nets.wait_seconds
        rate = None
        if self._last_display is not None:
            rate = (self.iteration - self._last_display) / (seconds or 1)
            if waited >= _LONG_WAIT * seconds:
                yield events.DataWait(share=min(1.0, waited / (seconds or 1)))
        self._last_display = self.iteration
        display = self.param.display
        yield events.Iteration(self.iteration, self.smoothed.value, rate, seconds, display)
        for index, score in enumerate(scores(self._outputs, self._output_weights)):
            yield events.TrainOutput(self.iteration, **score.fields(index))

    def _test_is_due(self) -> bool:
        param = self.param
        return bool(
            self._leads
            and param.test_interval
            and self.iteration % param.test_interval == 0
            and (self.iteration > 0 or param.test_initialization)
        )

    def test_all(self) -> Iterator[Event]:
        """Test each test net, until a request to stop."""
        for number, test in enumerate(self.nets.tests):
            if self._pending_request is not Request.STOP:
                yield from self._test(number, test)

    def _test(self, number: int, test: SolverNet) -> Iterator[Event]:
        """Run a test net over its `test_iter` batches."""
        yield events.TestStart(self.iteration, number)
        count = self.param.test_iter[number]
        weights = output_weights(test.net)
        average, loss = Average(), 0.0
        sample = RecordSample(test.net, self._sample)
        for _ in range(count):
            yield from self._answer_requests()
            if self._pending_request is Request.STOP:
                yield events.TestEnd(self.iteration, number, is_interrupted=True)
                return
            result = self._test_batch(test, sample)
            average.add(scores(result.outputs, weights))
            loss += float(result.loss)
        yield events.TestEnd(self.iteration, number)
        if self.param.test_compute_loss:
            # Without any batches there is no mean, and Caffe logs nan.
            mean = loss / count if count else math.nan
            self._say("solver.cpp:400", f"Test loss: {mean:g}")
        for index, score in enumerate(average.scores()):
            yield events.TestOutput(self.iteration, **score.fields(index), net=number)
        if values := sample.values():
            yield events.BlobSample(self.iteration, number, values)

    def _test_batch(self, test: SolverNet, sample: RecordSample) -> Pass:
        # Not around the loop: the code that receives events must not run without gradients.
        with torch.no_grad():
            result = test.run(self._precision, sample.blobs)
        return Pass(result.loss, sample.take(result.outputs))

    def _answer_requests(self) -> Iterator[Event]:
        while request := self._requests.take():
            if request is Request.SNAPSHOT and self.group.size == 1:
                yield from self._snapshot()
            else:
                # The other processes receive it with their next gradients.
                self._pending_request = max(self._pending_request, request)

    def _snapshot(self) -> Iterator[Event]:
        generators = self.group.gather(_generator_state(self.nets.train))
        self.snapshot_iteration = self.iteration
        if not self._leads:
            return
        place, net = self.place, self.nets.train.net
        weights = place.weights(self.iteration)
        yield events.Snapshot(weights, place.state(self.iteration))
        history = [blob.cpu().numpy() for blob in self.rule.history]
        state = SolverState(self.iteration, weights, history, self.learning_rate.step)
        write_snapshot(
            place, state, net.layers, net.name, lambda digests: self._sidecar(digests, generators)
        )

    def _sidecar(self, digests: SnapshotDigests, generators: list[bytes]) -> Sidecar:
        nets = [NetPosition(generators, self.nets.train.feed.positions())]
        nets += [
            NetPosition([_generator_state(test)], test.feed.positions()) for test in self.nets.tests
        ]
        return Sidecar(digests, self.kind, self.smoothed.state(), nets)


def _generator_state(solver_net: SolverNet) -> bytes:
    """The state of a net's random generator."""
    return solver_net.net.generator.get_state().numpy().tobytes()
