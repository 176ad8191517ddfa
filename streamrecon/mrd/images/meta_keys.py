"""The names under which an image's meta says what the image is, in three vocabularies.

Gadgetron's names begin with ``GADGETRON_``, FIRE's have no prefix; both leave open what the
numbers mean, so ours (``STREAMRECON_``) say it: quantity, unit, echo time in seconds, phase sign.
"""

ROLE, FIRE_ROLE = "GADGETRON_DataRole", "DataRole"
HISTORY, FIRE_HISTORY = "GADGETRON_ImageProcessingHistory", "ImageProcessingHistory"
COMMENT, FIRE_COMMENT = "GADGETRON_ImageComment", "ImageComments"
ICE_COMMENT = "ImageComment"  # of the hosts; several values, joined with underscores there
IMAGE_TYPE = "ImageType"
SERIES, FIRE_SERIES = "GADGETRON_SeqDescription", "SeriesDescription"
TE_MS, FIRE_TE_MS = "GADGETRON_TE", "EchoTime"
CENTRE, FIRE_CENTRE = "GADGETRON_WindowCenter", "WindowCenter"
WIDTH, FIRE_WIDTH = "GADGETRON_WindowWidth", "WindowWidth"
SCALE, OFFSET = "GADGETRON_ScaleRatio", "GADGETRON_ScaleOffset"
SLOPE, INTERCEPT = "RescaleSlope", "RescaleIntercept"
KEEP_GEOMETRY = "Keep_image_geometry"
ROW_DIR, COLUMN_DIR = "ImageRowDir", "ImageColumnDir"
SLICE_DIR = "ImageSliceNormDir"

QUANTITY = "STREAMRECON_Quantity"
UNIT = "STREAMRECON_Unit"
TE_S = "STREAMRECON_EchoTime_s"
TIMES = (TE_S, FIRE_TE_MS, TE_MS)
PHASE_SIGN = "STREAMRECON_PhaseSign"
VERSION = "STREAMRECON_Version"
COMMENTS = "STREAMRECON_Comments"
SPACING_MM = "STREAMRECON_SliceSpacing_mm"
SLAB_MM = "STREAMRECON_SlabThickness_mm"
