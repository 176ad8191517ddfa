from streamrecon.storage.atomic_file import whole as whole
from streamrecon.storage.durable_files import write_files as write_files
from streamrecon.storage.durable_files import write_folder as write_folder
from streamrecon.storage.noise_store import NoiseStore as NoiseStore
