from streamrecon.acquisition.coarse_images import preview_images as preview_images
from streamrecon.acquisition.compress_channels import ChannelCompression as ChannelCompression
from streamrecon.acquisition.early_lines import CentreOfScan as CentreOfScan
from streamrecon.acquisition.early_lines import EarlyLines as EarlyLines
from streamrecon.acquisition.line_quality import LineQuality as LineQuality
from streamrecon.acquisition.open_volume import OpenVolume as OpenVolume
