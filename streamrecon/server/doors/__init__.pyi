from streamrecon.server.doors.access_settings import AccessSettings as AccessSettings
from streamrecon.server.doors.address_places import AddressPlaces as AddressPlaces
from streamrecon.server.doors.client_socket import ClientLost as ClientLost
from streamrecon.server.doors.client_socket import asks_for_noise as asks_for_noise
from streamrecon.server.doors.client_socket import half_close as half_close
from streamrecon.server.doors.client_socket import is_lost as is_lost
from streamrecon.server.doors.open_connections import Guest as Guest
from streamrecon.server.doors.reception import Reception as Reception
