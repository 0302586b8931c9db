"""The failures of Caffe that have an explanation, grouped by subject."""

from ssdh_surgery.engines.caffe_binary.rules.data_rules import DATA_RULES
from ssdh_surgery.engines.caffe_binary.rules.failure_rule import FailureRule
from ssdh_surgery.engines.caffe_binary.rules.gpu_rules import GPU_RULES
from ssdh_surgery.engines.caffe_binary.rules.net_rules import NET_RULES
from ssdh_surgery.engines.caffe_binary.rules.program_rules import PLAIN_RULES, SNAPSHOT_RULES

# For Caffe's own last line, which may quote a library.
FATAL_RULES = NET_RULES + DATA_RULES + SNAPSHOT_RULES + GPU_RULES + PLAIN_RULES

__all__ = ["FATAL_RULES", "PLAIN_RULES", "FailureRule"]
