from streamrecon.output.readings.figures import Figure as Figure
from streamrecon.output.readings.figures import outlined_planes as outlined_planes
from streamrecon.output.readings.label_map import LabelMap as LabelMap
from streamrecon.output.readings.label_map import read_labels as read_labels
from streamrecon.output.readings.map_folder import MapFolder as MapFolder
from streamrecon.output.readings.map_folder import read_map_folder as read_map_folder
from streamrecon.output.readings.report import add_reading as add_reading
from streamrecon.output.readings.report_model import Report as Report
