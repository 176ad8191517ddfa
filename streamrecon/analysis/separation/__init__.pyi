from streamrecon.analysis.separation.joint_sources import separate_jointly as separate_jointly
from streamrecon.analysis.separation.source_reading import SourceMaps as SourceMaps
from streamrecon.analysis.separation.source_reading import SourceResults as SourceResults
from streamrecon.analysis.separation.source_reading import read_sources as read_sources
from streamrecon.analysis.separation.sources import Relaxivity as Relaxivity
from streamrecon.analysis.separation.sources import Sources as Sources
from streamrecon.analysis.separation.sources import coherence_index as coherence_index
from streamrecon.analysis.separation.sources import separate as separate
