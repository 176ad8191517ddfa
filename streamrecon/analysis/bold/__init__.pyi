from streamrecon.analysis.bold.confounds import Confounds as Confounds
from streamrecon.analysis.bold.confounds import vein_confounds as vein_confounds
from streamrecon.analysis.bold.phase_regression import PhaseRegression as PhaseRegression
from streamrecon.analysis.bold.phase_regression import regress_phase as regress_phase
from streamrecon.analysis.bold.task_model import TaskModel as TaskModel
from streamrecon.analysis.bold.task_model import task_model as task_model
from streamrecon.analysis.bold.vein_fraction import vein_fraction as vein_fraction
