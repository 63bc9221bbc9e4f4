"""How model messages reach another node. The default keeps all silos in one process."""

from fpmg_bench.transport.inproc import Inproc, Message

__all__ = ["Inproc", "Message"]
