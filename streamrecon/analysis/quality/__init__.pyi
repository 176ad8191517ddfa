from streamrecon.analysis.quality.quality_maps import QualityMaps as QualityMaps
from streamrecon.analysis.quality.quality_maps import measures_of as measures_of
from streamrecon.analysis.quality.quality_reading import read_quality as read_quality
from streamrecon.analysis.quality.quality_reading import reading_of_measures as reading_of_measures
