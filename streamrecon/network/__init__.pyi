from streamrecon.network.connection import encrypted as encrypted
from streamrecon.network.tls_files import client_context as client_context
from streamrecon.network.tls_files import server_context as server_context
from streamrecon.network.tls_relay import loopback_pair as loopback_pair
from streamrecon.network.tls_relay import relay as relay
