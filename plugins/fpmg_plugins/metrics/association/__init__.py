"""Do the modalities of one record belong together?"""

from fpmg_plugins.moved import within

__getattr__ = within(__name__, "Association")
