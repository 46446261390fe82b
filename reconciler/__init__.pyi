from reconciler.project.api import Address as Address
from reconciler.project.api import BugError as BugError
from reconciler.project.api import Change as Change
from reconciler.project.api import ConfigError as ConfigError
from reconciler.project.api import Consents as Consents
from reconciler.project.api import DesiredState as DesiredState
from reconciler.project.api import LoadedProject as LoadedProject
from reconciler.project.api import ManifestError as ManifestError
from reconciler.project.api import OpenRegistries as OpenRegistries
from reconciler.project.api import Outcome as Outcome
from reconciler.project.api import Plan as Plan
from reconciler.project.api import Policy as Policy
from reconciler.project.api import Problem as Problem
from reconciler.project.api import ReconcilerError as ReconcilerError
from reconciler.project.api import RefusedError as RefusedError
from reconciler.project.api import RegistryError as RegistryError
from reconciler.project.api import RemoteState as RemoteState
from reconciler.project.api import Report as Report
from reconciler.project.api import Resource as Resource
from reconciler.project.api import SecretError as SecretError
from reconciler.project.api import apply as apply
from reconciler.project.api import connect as connect
from reconciler.project.api import load as load
from reconciler.project.api import make_plan as make_plan
from reconciler.project.api import remote_state as remote_state

__version__: str
