from streamrecon.output.preview.html_page import picture_page as picture_page
from streamrecon.output.preview.html_page import picture_sheet as picture_sheet
from streamrecon.output.preview.planes import middle_planes as middle_planes
from streamrecon.output.preview.read_back import Picture as Picture
from streamrecon.output.preview.read_back import pictures_of as pictures_of
