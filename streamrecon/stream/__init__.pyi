from streamrecon.stream.gadget import Context as Context
from streamrecon.stream.gadget import Gadget as Gadget
from streamrecon.stream.gadget import WayOut as WayOut
from streamrecon.stream.installed import installed_gadgets as installed_gadgets
from streamrecon.stream.registry import Registry as Registry
