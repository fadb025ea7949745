# The public names, one a line: what a notebook or a reader's own work needs. lazy_loader, type
# checkers and editors read them here ("as" is how a stub says that a name is to be used).
from . import metrics as metrics
from . import plots as plots
from . import regions as regions
from . import simulate as simulate
from .baselines import fit_glm as fit_glm
from .baselines import fit_mean as fit_mean
from .baselines import fit_population as fit_population
from .baselines import fit_psth as fit_psth
from .baselines import fit_rrr as fit_rrr
from .course.doctor import doctor as doctor
from .dataset import Dataset as Dataset
from .dataset import dataset_of_units as dataset_of_units
from .dataset import make_dataset as make_dataset
from .dataset import shuffle_within_condition as shuffle_within_condition
from .dataset import split_trials as split_trials
from .exercises import exercise as exercise
from .exercises import hint as hint
from .exercises import progress as progress
from .latents import align as align
from .latents import decode as decode
from .latents import principal_components as principal_components
from .metrics import bits_per_spike as bits_per_spike
from .metrics import compare as compare
from .metrics import null_rates as null_rates
from .metrics import poisson_nll as poisson_nll
from .metrics import score as score
from .model import Seq2Seq as Seq2Seq
from .region_maps import region_map as region_map
from .seen import Seen as Seen
from .session import Session as Session
from .simulate import simulate_session as simulate_session
from .smoothing import smooth as smooth
from .steinmetz import import_part as import_part
from .steinmetz import list_sessions as list_sessions
from .steinmetz import load_file as load_file
from .steinmetz import load_session as load_session
from .training import RECIPE as RECIPE
from .training import Fit as Fit
from .training import Settings as Settings
from .training import fit as fit
from .training import fit_recipe as fit_recipe
from .training import fit_seq2seq as fit_seq2seq
from .training import load_fit as load_fit
from .widgets import RegionPicker as RegionPicker

__version__: str
