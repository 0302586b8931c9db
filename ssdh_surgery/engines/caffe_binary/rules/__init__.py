"""The failures of Caffe that have an explanation, grouped by subject."""

from ssdh_surgery.engines.caffe_binary.rules.database_rules import DATABASE_RULES
from ssdh_surgery.engines.caffe_binary.rules.failure_rule import FailureRule
from ssdh_surgery.engines.caffe_binary.rules.gpu_rules import GPU_RULES
from ssdh_surgery.engines.caffe_binary.rules.layer_rules import LAYER_RULES
from ssdh_surgery.engines.caffe_binary.rules.loss_rules import LOSS_RULES
from ssdh_surgery.engines.caffe_binary.rules.net_rules import NET_RULES
from ssdh_surgery.engines.caffe_binary.rules.program_rules import PLAIN_RULES
from ssdh_surgery.engines.caffe_binary.rules.record_rules import BROKEN_RECORD, RECORD_RULES
from ssdh_surgery.engines.caffe_binary.rules.solver_rules import SOLVER_RULES
from ssdh_surgery.engines.caffe_binary.rules.source_rules import SOURCE_RULES
from ssdh_surgery.engines.caffe_binary.rules.weights_rules import WEIGHTS_RULES

# For Caffe's own last line, which may quote a library.
FATAL_RULES = (
    NET_RULES
    + RECORD_RULES
    + LOSS_RULES
    + LAYER_RULES
    + WEIGHTS_RULES
    + SOLVER_RULES
    + DATABASE_RULES
    + SOURCE_RULES
    + GPU_RULES
    + PLAIN_RULES
)

__all__ = ["BROKEN_RECORD", "FATAL_RULES", "PLAIN_RULES", "FailureRule"]
