"""The solver: trains a net, tests it and writes snapshots, in the order of Caffe's solver.cpp."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import torch

from ssdh_surgery.caffe.weights.solverstate import SolverState
from ssdh_surgery.engines import events
from ssdh_surgery.engines.events import Event
from ssdh_surgery.engines.torch.net.graph_net import Pass
from ssdh_surgery.engines.torch.solver.debugging import say_update, shown_pass
from ssdh_surgery.engines.torch.solver.divergence import divergence
from ssdh_surgery.engines.torch.solver.nets import FedNet, Say, TrainingNets
from ssdh_surgery.engines.torch.solver.outputs import Average, output_weights, scores
from ssdh_surgery.engines.torch.solver.peers import Alone, Group
from ssdh_surgery.engines.torch.solver.policies import LearningRate
from ssdh_surgery.engines.torch.solver.requests import Request, Requests
from ssdh_surgery.engines.torch.solver.setup import SolverSetup
from ssdh_surgery.engines.torch.solver.sidecar import NetPlace, Sidecar
from ssdh_surgery.engines.torch.solver.smoothing import SmoothedLoss
from ssdh_surgery.engines.torch.solver.snapshots import SnapshotPlace, write_snapshot
from ssdh_surgery.engines.torch.solver.updates import Learnable, solver_type, update_rule


class Solver:
    """Trains the first of some nets; what happens is an iterator.

    Args:
        setup: the solver's file.
        nets: what it names, built.
        say: writes a line to the log.
        requests: what the user asks for meanwhile.
        group: the processes that train together; all but the first only train.
        precision: float32, tf32 or bf16.

    `iteration` counts the updates that were made, and `last_loss` is that of the last pass.
    """

    def __init__(
        self,
        setup: SolverSetup,
        nets: TrainingNets,
        say: Say,
        *,
        requests: Requests | None = None,
        group: Group | None = None,
        precision: str = "float32",
    ) -> None:
        self.param = param = setup.param
        self.nets = nets
        self.iteration = 0
        self.last_loss = math.nan
        learnable = nets.train.net.learnable_params
        self.rule = update_rule(
            param, [Learnable(each.tensor, each.lr_mult, each.decay_mult) for each in learnable]
        )
        self.learning_rate = LearningRate(param)
        self.smoothed = SmoothedLoss(param.average_loss)
        self.place = SnapshotPlace(setup.folder, setup.prefix, param.snapshot_format == 0)
        self.group = group or Alone()
        # The iteration of the last snapshot, or of the one that was gone on from.
        self.saved: int | None = None
        self._say = say
        self._requests = requests or Requests()
        self._precision = precision
        self._waiting = Request.NONE
        self._stopping = False
        self._outputs: dict[str, torch.Tensor] = {}
        self._output_weights = output_weights(nets.train.net)
        self._clock = 0.0
        self._displayed: int | None = None

    @property
    def kind(self) -> str:
        """The solver's type."""
        return solver_type(self.param)

    @property
    def _leads(self) -> bool:
        return self.group.rank == 0

    def solve(self) -> Iterator[Event]:
        """Train up to `max_iter`, or until a stop is asked for.

        Raises:
            EngineError: the loss is no number any more, or a layer refuses its input.
            DataError: a record is no good.
            FileError: a snapshot cannot be written.
        """
        param = self.param
        yield events.Solving(self.nets.train.net.name)
        self._say("solver.cpp:290", f"Learning Rate Policy: {param.lr_policy}")
        self.group.start_equal([each.tensor for each in self.nets.train.net.learnable_params])
        self._clock = time.monotonic()
        start = self.iteration
        while self.iteration < param.max_iter and not self._stopping:
            yield from self.step()
        is_wanted = self.iteration > start if self._stopping else param.snapshot_after_train
        if is_wanted and self.iteration != self.saved:
            yield from self._snapshot()
        if not self._stopping and self._leads:
            yield from self._show_end()
        yield events.Finished(stopped_early=self._stopping)

    def _show_end(self) -> Iterator[Event]:
        """One more pass of the train net and of the test nets, to show how they do now."""
        param = self.param
        if param.display and self.iteration % param.display == 0:
            with torch.no_grad():
                loss = float(self.nets.train.run(self._precision).loss)
            self.smoothed.add(loss, self.iteration)
            yield events.Iteration(self.iteration, self.smoothed.value)
        if param.test_interval and self.iteration % param.test_interval == 0:
            yield from self.test_all()

    def step(self) -> Iterator[Event]:
        """One iteration: test and snapshot where they are due, and one update."""
        param, net = self.param, self.nets.train.net
        net.clear_param_diffs()
        if self._test_is_due():
            yield from self.test_all()
            if self._waiting is Request.STOP and self.group.size == 1:
                self._stopping = True
                return
        is_shown = bool(param.display) and self.iteration % param.display == 0
        losses = [self._forward_backward(is_shown) for _ in range(param.iter_size)]
        self.smoothed.add(sum(losses) / len(losses), self.iteration)
        if is_shown and self._leads:
            yield from self._show()
        request = self._agree()
        yield from self._update(is_shown)
        if self.group.size == 1:
            request = self._requests.take()
        is_due = param.snapshot and self.iteration % param.snapshot == 0
        if is_due or request is Request.SNAPSHOT:
            yield from self._snapshot()
        self._stopping = request is Request.STOP

    def _forward_backward(self, is_shown: bool) -> float:
        fed = self.nets.train
        generator = fed.net.generator.get_state()
        if is_shown and self.param.debug_info:
            passed = shown_pass(fed.net, self._say)
        else:
            passed = fed.run(self._precision)
        self.last_loss = float(passed.loss.detach())
        if not math.isfinite(self.last_loss):
            raise divergence(fed, self.iteration, self.last_loss, generator)
        if passed.loss.requires_grad:
            torch.autograd.backward(passed.loss)
        self._outputs = passed.outputs
        return self.last_loss

    def _agree(self) -> Request:
        """Average the gradients over the processes, and give all of them one request."""
        if self.group.size == 1:
            return Request.NONE
        request = self._waiting or self._requests.take()
        self._waiting = Request.NONE
        leaves = [each.tensor for each in self.nets.train.net.learnable_params]
        gradients = [leaf.grad for leaf in leaves if leaf.grad is not None]
        return self.group.average(gradients, request)

    def _update(self, is_shown: bool) -> Iterator[Event]:
        step = self.learning_rate.step
        rate = self.learning_rate.at(self.iteration)
        if self.param.lr_policy == "multistep" and step != self.learning_rate.step:
            said = f"MultiStep Status: Iteration {self.iteration}, step = {step + 1}"
            self._say("sgd_solver.cpp:50", said)
        if is_shown and self._leads:
            yield events.LearningRate(self.iteration, rate)
            if self.param.debug_info:
                say_update(self.nets.train.net, self._say)
        clipped = self.rule.apply(rate, self.iteration)
        if clipped:
            self._say(
                "sgd_solver.cpp:91",
                f"Gradient clipping: scaling down gradients (L2 norm {clipped.norm:g} > "
                f"{self.param.clip_gradients:g}) by scale factor {clipped.factor:g}",
            )
        self.iteration += 1

    def _show(self) -> Iterator[Event]:
        now = time.monotonic()
        seconds, self._clock = now - self._clock, now
        rate = None
        if self._displayed is not None:
            rate = (self.iteration - self._displayed) / (seconds or 1)
        self._displayed = self.iteration
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
        """A pass of each test net, until a stop is asked for."""
        for number, fed in enumerate(self.nets.tests):
            if self._waiting is not Request.STOP:
                yield from self._test(number, fed)

    def _test(self, number: int, fed: FedNet) -> Iterator[Event]:
        """A pass of a test net over its `test_iter` batches."""
        yield events.TestStarted(self.iteration, number)
        count = self.param.test_iter[number]
        weights = output_weights(fed.net)
        average, loss = Average(), 0.0
        for _ in range(count):
            yield from self._heed_while_testing()
            if self._waiting is Request.STOP:
                yield events.TestFinished(self.iteration, number, interrupted=True)
                return
            passed = self._test_batch(fed)
            average.add(scores(passed.outputs, weights))
            loss += float(passed.loss)
        yield events.TestFinished(self.iteration, number)
        if self.param.test_compute_loss:
            # Of no batches at all there is no mean, and Caffe says so.
            mean = loss / count if count else math.nan
            self._say("solver.cpp:400", f"Test loss: {mean:g}")
        for index, score in enumerate(average.scores()):
            yield events.TestOutput(self.iteration, **score.fields(index), net=number)

    def _test_batch(self, fed: FedNet) -> Pass:
        # Not around the loop: what is yielded to must not find itself without gradients.
        with torch.no_grad():
            return fed.run(self._precision)

    def _heed_while_testing(self) -> Iterator[Event]:
        while request := self._requests.take():
            if request is Request.SNAPSHOT and self.group.size == 1:
                yield from self._snapshot()
            else:
                # The other processes hear of it when they have made their gradients.
                self._waiting = max(self._waiting, request)

    def _snapshot(self) -> Iterator[Event]:
        generators = self.group.gather(_state(self.nets.train))
        self.saved = self.iteration
        if not self._leads:
            return
        place, net = self.place, self.nets.train.net
        weights = place.weights(self.iteration)
        yield events.Snapshot(weights, place.state(self.iteration))
        history = [blob.cpu().numpy() for blob in self.rule.history]
        state = SolverState(self.iteration, weights, history, self.learning_rate.step)
        write_snapshot(place, state, net.layers, net.name, lambda x: self._sidecar(x, generators))

    def _sidecar(self, digest: str, generators: list[bytes]) -> Sidecar:
        nets = [NetPlace(generators, self.nets.train.feed.places())]
        nets += [NetPlace([_state(test)], test.feed.places()) for test in self.nets.tests]
        return Sidecar(digest, self.kind, self.smoothed.state(), nets)


def _state(fed: FedNet) -> bytes:
    """The state of a net's random generator."""
    return fed.net.generator.get_state().numpy().tobytes()
