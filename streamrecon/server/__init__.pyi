from streamrecon.server.listener import serve as serve
from streamrecon.server.settings import Settings as Settings
from streamrecon.server.settings import load_settings as load_settings
from streamrecon.server.workers.worker import ImportPath as ImportPath
from streamrecon.server.workers.worker import WorkerSetup as WorkerSetup
