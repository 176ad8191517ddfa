from streamrecon.stream.run.chain import Chain as Chain
from streamrecon.stream.run.parallel import Branch as Branch
from streamrecon.stream.run.parallel import Parallel as Parallel
from streamrecon.stream.run.serial import Serial as Serial
from streamrecon.stream.run.serial import Step as Step
