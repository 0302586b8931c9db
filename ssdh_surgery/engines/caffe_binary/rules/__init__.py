"""The table of Caffe's failures, by what they are about."""

from ssdh_surgery.engines.caffe_binary.rules.data import DATA_RULES
from ssdh_surgery.engines.caffe_binary.rules.gpu import GPU_RULES
from ssdh_surgery.engines.caffe_binary.rules.net import NET_RULES
from ssdh_surgery.engines.caffe_binary.rules.program import PLAIN_RULES, SNAPSHOT_RULES
from ssdh_surgery.engines.caffe_binary.rules.rule import Rule

# For Caffe's own last line; a library may speak through it.
FATAL_RULES = NET_RULES + DATA_RULES + SNAPSHOT_RULES + GPU_RULES + PLAIN_RULES

__all__ = ["FATAL_RULES", "PLAIN_RULES", "Rule"]
