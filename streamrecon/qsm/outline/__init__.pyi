from streamrecon.qsm.outline.direction import OutlineDirection as OutlineDirection
from streamrecon.qsm.outline.direction import outline_direction as outline_direction
from streamrecon.qsm.outline.field import OutlineCheck as OutlineCheck
from streamrecon.qsm.outline.field import check_outline as check_outline
from streamrecon.qsm.outline.field import field_of_outline as field_of_outline
