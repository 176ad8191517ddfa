from streamrecon.analysis.iron import IronMaps as IronMaps
from streamrecon.analysis.iron import IronSettings as IronSettings
from streamrecon.analysis.iron import read_iron as read_iron
from streamrecon.analysis.norms import Norms as Norms
from streamrecon.analysis.norms import read_norms as read_norms
from streamrecon.analysis.reading import Outcome as Outcome
from streamrecon.analysis.reading import Reading as Reading
from streamrecon.analysis.reading import Value as Value
