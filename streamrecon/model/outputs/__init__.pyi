from streamrecon.model.outputs.look import Colours as Colours
from streamrecon.model.outputs.look import Kind as Kind
from streamrecon.model.outputs.own_images import phase_grows_with_field as phase_grows_with_field
from streamrecon.model.outputs.quantities import Quantity as Quantity
from streamrecon.model.outputs.source_images import SourceImages as SourceImages
from streamrecon.model.outputs.storage_form import Code as Code
from streamrecon.model.outputs.storage_form import StorageForm as StorageForm
