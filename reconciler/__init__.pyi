from reconciler.api import Address as Address
from reconciler.api import BugError as BugError
from reconciler.api import Change as Change
from reconciler.api import ConfigError as ConfigError
from reconciler.api import Consents as Consents
from reconciler.api import DesiredState as DesiredState
from reconciler.api import LoadedProject as LoadedProject
from reconciler.api import ManifestError as ManifestError
from reconciler.api import OpenRegistries as OpenRegistries
from reconciler.api import Outcome as Outcome
from reconciler.api import Plan as Plan
from reconciler.api import Policy as Policy
from reconciler.api import Problem as Problem
from reconciler.api import ReconcilerError as ReconcilerError
from reconciler.api import RefusedError as RefusedError
from reconciler.api import RegistryError as RegistryError
from reconciler.api import RemoteState as RemoteState
from reconciler.api import Report as Report
from reconciler.api import Resource as Resource
from reconciler.api import SecretError as SecretError
from reconciler.api import apply as apply
from reconciler.api import connect as connect
from reconciler.api import load as load
from reconciler.api import make_plan as make_plan
from reconciler.api import remote_state as remote_state

__version__: str
