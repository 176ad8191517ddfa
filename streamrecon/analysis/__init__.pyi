from streamrecon.analysis.reading import Outcome as Outcome
from streamrecon.analysis.reading import Reading as Reading
from streamrecon.analysis.reading import Value as Value
