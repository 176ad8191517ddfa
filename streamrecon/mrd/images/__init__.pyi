from streamrecon.mrd.images.image_series import ImageSeries as ImageSeries
from streamrecon.mrd.images.images_from_volume import images_of as images_of
from streamrecon.mrd.images.volumes_from_images import Stack as Stack
from streamrecon.mrd.images.volumes_from_images import stacks_of as stacks_of
