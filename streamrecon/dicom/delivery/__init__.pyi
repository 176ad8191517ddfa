from streamrecon.dicom.delivery.destinations import Destination as Destination
from streamrecon.dicom.delivery.destinations import WebDestination as WebDestination
from streamrecon.dicom.delivery.destinations import read_destinations as read_destinations
from streamrecon.dicom.delivery.sending.folder import FolderDrop as FolderDrop
from streamrecon.dicom.delivery.sending.sender_threads import Sender as Sender
from streamrecon.dicom.delivery.spool import Spool as Spool
