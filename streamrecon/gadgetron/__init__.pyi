from streamrecon.gadgetron.conversation import serve as serve
from streamrecon.gadgetron.peer import Peer as Peer
