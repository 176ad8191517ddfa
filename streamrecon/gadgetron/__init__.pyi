from streamrecon.gadgetron.conversation import serve as serve
from streamrecon.gadgetron.parent_socket import Peer as Peer
