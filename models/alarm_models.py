"""The models for alarms between changes, by name: what stands here is tested and measured (`python -m tests.bench.alarms`)."""

from models.ewma import Ewma
from models.joint_pca import JointPca
from models.new_extreme import NewExtreme
from models.page_hinkley import PageHinkley
from models.robust_z import RobustZ
from models.seasonal import Seasonal
from models.streaming import Model
from models.subsequence_pca import SubsequencePca

ALARM_MODELS: dict[str, Model] = {
    "robust z": RobustZ(),
    "new extreme": NewExtreme(),
    "ewma": Ewma(),
    "page-hinkley": PageHinkley(),
    "seasonal": Seasonal(),
    "subsequence pca": SubsequencePca(),
    "joint pca": JointPca(),
}
JOINT = frozenset({"joint pca"})  # one score for all signals of a panel
