from streamrecon.dicom.delivery.sending.folder import FolderDrop as FolderDrop
from streamrecon.dicom.delivery.sending.folder import file_name as file_name
from streamrecon.dicom.delivery.sending.folder import folder_name as folder_name
from streamrecon.dicom.delivery.sending.sender_threads import Sender as Sender
from streamrecon.dicom.delivery.sending.transport import check_ready as check_ready
