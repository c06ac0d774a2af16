//! Which classes and functions a pickle may use.
//!
//! A pickle runs code by calling what it imports. Whether a name is a class that holds data or a function that acts
//! cannot be known without importing it, so the line is drawn by these rules:
//!
//! - of the standard library, torch and numpy, the classes that hold data and the functions that rebuild it are listed,
//!   and nothing else of theirs may be called or made;
//! - of all other packages, classes may be called, which are known by their names (`CapWords`), and functions may not;
//!   but not of packages that are made for running programs;
//! - none of them may be given functions as arguments, for it could call them.
//!
//! Nothing is ever imported or called here. The rules only decide whether the file is refused.

use super::MAX_NAME;
use super::python2::renamed;

/// An imported class or function.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Global {
    /// `module.name`
    pub(super) path: String,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Rebuilds tensors or plain data.
    Known,
    /// By its name, a class of a package that is not known to act.
    Class,
    /// Another name of such a package: a function, or a class with a lower-case name. Objects of it may be made
    /// without calling it.
    Unlisted,
    /// Everything else: a function, or a class that may act when it is made.
    Function,
}

/// What may be called.
const KNOWN: &[&str] = &[
    "_codecs.encode",
    "_io.BytesIO",
    "_io.StringIO",
    "_operator.getitem",
    "argparse.Namespace",
    "array._array_reconstructor",
    "array.array",
    "builtins.bool",
    "builtins.bytearray",
    "builtins.bytes",
    "builtins.complex",
    "builtins.dict",
    "builtins.enumerate",
    "builtins.float",
    "builtins.frozenset",
    "builtins.int",
    "builtins.iter",
    "builtins.list",
    "builtins.object",
    "builtins.range",
    "builtins.reversed",
    "builtins.set",
    "builtins.slice",
    "builtins.str",
    "builtins.tuple",
    "builtins.zip",
    "collections.ChainMap",
    "collections.Counter",
    "collections.OrderedDict",
    "collections.UserDict",
    "collections.UserList",
    "collections.UserString",
    "collections.defaultdict",
    "collections.deque",
    "datetime.date",
    "datetime.datetime",
    "datetime.time",
    "datetime.timedelta",
    "datetime.timezone",
    "decimal.Decimal",
    "fractions.Fraction",
    "functools.partial",
    "http.HTTPMethod",
    "http.HTTPStatus",
    "io.BytesIO",
    "io.StringIO",
    "ipaddress.IPv4Address",
    "ipaddress.IPv4Interface",
    "ipaddress.IPv4Network",
    "ipaddress.IPv6Address",
    "ipaddress.IPv6Interface",
    "ipaddress.IPv6Network",
    "itertools.chain",
    "itertools.count",
    "itertools.cycle",
    "itertools.repeat",
    "logging.LogRecord",
    "logging.getLogger",
    "numpy._core._ufunc_reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy._core.numeric._frombuffer",
    "numpy.bool",
    "numpy.bool_",
    "numpy.core._ufunc_reconstruct",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy.core.numeric._frombuffer",
    "numpy.datetime64",
    "numpy.dtype",
    "numpy.float16",
    "numpy.float32",
    "numpy.float64",
    "numpy.int16",
    "numpy.int32",
    "numpy.int64",
    "numpy.int8",
    "numpy.ma.core._mareconstruct",
    "numpy.random._pickle.__bit_generator_ctor",
    "numpy.random._pickle.__generator_ctor",
    "numpy.random._pickle.__randomstate_ctor",
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
    "numpy.random.bit_generator.__pyx_unpickle_SeedlessSequence",
    "numpy.timedelta64",
    "numpy.uint16",
    "numpy.uint32",
    "numpy.uint64",
    "numpy.uint8",
    "operator.getitem",
    "os.stat_result",
    "os.terminal_size",
    "pathlib.Path",
    "pathlib.PosixPath",
    "pathlib.PurePath",
    "pathlib.PurePosixPath",
    "pathlib.PureWindowsPath",
    "pathlib.WindowsPath",
    "pathlib._local.Path",
    "pathlib._local.PosixPath",
    "pathlib._local.PurePath",
    "pathlib._local.PurePosixPath",
    "pathlib._local.PureWindowsPath",
    "pathlib._local.WindowsPath",
    "platform.uname_result",
    "random.Random",
    "re._compile",
    "signal.Handlers",
    "signal.Sigmasks",
    "signal.Signals",
    "socket.AddressFamily",
    "socket.SocketKind",
    "statistics.NormalDist",
    "time.struct_time",
    "torch.Size",
    "torch.Tensor",
    "torch._C.Generator",
    "torch._tensor._rebuild_from_type",
    "torch._tensor._rebuild_from_type_v2",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor",
    "torch._utils._rebuild_device_tensor_from_numpy",
    "torch._utils._rebuild_meta_tensor_no_storage",
    "torch._utils._rebuild_nested_tensor",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch._utils._rebuild_qtensor",
    "torch._utils._rebuild_sparse_csr_tensor",
    "torch._utils._rebuild_sparse_tensor",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_wrapper_subclass",
    "torch._utils._rebuild_xla_tensor",
    "torch.device",
    "torch.distributed._tensor.placement_types.Partial",
    "torch.distributed._tensor.placement_types.Replicate",
    "torch.distributed._tensor.placement_types.Shard",
    "torch.distributed._tensor.placement_types._Partial",
    "torch.distributed._tensor.placement_types._StridedShard",
    "torch.serialization._get_layout",
    "torch.torch_version.TorchVersion",
    "types.GenericAlias",
    "types.SimpleNamespace",
    "uuid.SafeUUID",
    "uuid.UUID",
    "zoneinfo.ZoneInfo._unpickle",
];

/// The built-in exceptions.
const EXCEPTIONS: &[&str] = &[
    "ArithmeticError",
    "AssertionError",
    "AttributeError",
    "BaseException",
    "BaseExceptionGroup",
    "BlockingIOError",
    "BrokenPipeError",
    "BufferError",
    "BytesWarning",
    "ChildProcessError",
    "ConnectionAbortedError",
    "ConnectionError",
    "ConnectionRefusedError",
    "ConnectionResetError",
    "DeprecationWarning",
    "EOFError",
    "EncodingWarning",
    "EnvironmentError",
    "Exception",
    "ExceptionGroup",
    "FileExistsError",
    "FileNotFoundError",
    "FloatingPointError",
    "FutureWarning",
    "GeneratorExit",
    "IOError",
    "ImportError",
    "ImportWarning",
    "IndentationError",
    "IndexError",
    "InterruptedError",
    "IsADirectoryError",
    "KeyError",
    "KeyboardInterrupt",
    "LookupError",
    "MemoryError",
    "ModuleNotFoundError",
    "NameError",
    "NotADirectoryError",
    "NotImplementedError",
    "OSError",
    "OverflowError",
    "PendingDeprecationWarning",
    "PermissionError",
    "ProcessLookupError",
    "PythonFinalizationError",
    "RecursionError",
    "ReferenceError",
    "ResourceWarning",
    "RuntimeError",
    "RuntimeWarning",
    "StopAsyncIteration",
    "StopIteration",
    "SyntaxError",
    "SyntaxWarning",
    "SystemError",
    "SystemExit",
    "TabError",
    "TimeoutError",
    "TypeError",
    "UnboundLocalError",
    "UnicodeDecodeError",
    "UnicodeEncodeError",
    "UnicodeError",
    "UnicodeTranslateError",
    "UnicodeWarning",
    "UserWarning",
    "ValueError",
    "Warning",
    "WindowsError",
    "ZeroDivisionError",
];

/// Packages of torch in which classes hold settings or tensors.
const DATA_OF_TORCH: &[&str] = &[
    "torch.amp.",
    "torch.ao.nn.",
    "torch.ao.quantization.fake_quantize.",
    "torch.ao.quantization.observer.",
    "torch.cuda.amp.",
    "torch.distributed.fsdp.api.",
    "torch.distributed.fsdp.fully_sharded_data_parallel.",
    "torch.distributed.tensor.placement_types.",
    "torch.nn.",
    "torch.optim.",
];

/// Classes that are known by their names to make functions or classes, or to start programs, whichever package hands
/// them on.
const ACTING_NAMES: &[&str] = &[
    "ABCMeta",
    "CDLL",
    "CodeType",
    "EnumMeta",
    "EnumType",
    "FunctionType",
    "GraphModule",
    "LambdaType",
    "MethodType",
    "ModuleType",
    "Popen",
    "ProxyCommand",
    "PyDLL",
    "SourceFileLoader",
    "ZipFile",
    "attrgetter",
    "eval",
    "exec",
    "itemgetter",
    "map",
    "methodcaller",
    "partial",
    "starmap",
    "system",
    "type",
];

/// Functions of the standard library and of torch that a value may keep for later calls.
const KEPT: &[&str] = &[
    "builtins.abs",
    "builtins.len",
    "builtins.max",
    "builtins.min",
    "builtins.round",
    "builtins.sum",
];

/// Packages of torch with functions that a value may keep for later calls.
const KEPT_OF_TORCH: &[&str] = &[
    "torch.amp.",
    "torch.cuda.amp.",
    "torch.nn.functional.",
    "torch.nn.init.",
];

/// Packages whose classes start programs, read other pickles, or rebuild functions.
const ACTING: &[&str] = &[
    "Cheetah",
    "Cython",
    "IPython",
    "MySQLdb",
    "RestrictedPython",
    "Xlib",
    "_pytest",
    "ansible",
    "anyio",
    "apscheduler",
    "asteval",
    "asttokens",
    "asyncssh",
    "billiard",
    "celery",
    "cffi",
    "chameleon",
    "cherrypy",
    "cloudpickle",
    "cppyy",
    "delegator",
    "dill",
    "distributed",
    "distutils",
    "django",
    "docker",
    "envoy",
    "eventlet",
    "execnet",
    "executing",
    "fabric",
    "fire",
    "flask",
    "genshi",
    "gevent",
    "git",
    "h5py",
    "invoke",
    "ipdb",
    "ipykernel",
    "ipyparallel",
    "jinja2",
    "joblib",
    "js2py",
    "jsonpickle",
    "jupyter_client",
    "jupyter_core",
    "klepto",
    "lark",
    "llvmlite",
    "loky",
    "luigi",
    "mako",
    "mpi4py",
    "multiprocess",
    "nbconvert",
    "nbformat",
    "netmiko",
    "nose",
    "nox",
    "nuitka",
    "numba",
    "numexpr",
    "papermill",
    "paramiko",
    "pathos",
    "pexpect",
    "pip",
    "pkg_resources",
    "plumbum",
    "pox",
    "ppft",
    "prefect",
    "psutil",
    "psycopg2",
    "ptyprocess",
    "pudb",
    "py",
    "pycuda",
    "pymysql",
    "pyopencl",
    "pyparsing",
    "pyspark",
    "pytest",
    "ray",
    "rpy2",
    "rpyc",
    "ruamel",
    "sage",
    "sarge",
    "scrapy",
    "selenium",
    "setuptools",
    "sh",
    "simpleeval",
    "sqlalchemy",
    "streamlit",
    "submitit",
    "sympy",
    "tables",
    "tempita",
    "torch_xla",
    "tornado",
    "tox",
    "trio",
    "triton",
    "tvm",
    "twisted",
    "uvicorn",
    "uvloop",
    "virtualenv",
    "wheel",
    "xonsh",
    "yaml",
    "zmq",
];

/// The standard library of Python 3.8 to 3.14 and of Python 2, without its private modules.
const STANDARD_LIBRARY: &str = "abc aifc annotationlib antigravity argparse array ast asynchat asyncio asyncore atexit \
    audioop base64 bdb binascii binhex bisect builtins bz2 cPickle cProfile cStringIO calendar cgi cgitb chunk cmath \
    cmd code codecs codeop collections colorsys commands compileall compression concurrent configparser contextlib \
    contextvars copy copy_reg copyreg crypt csv ctypes curses dataclasses datetime dbm decimal difflib dis distutils \
    doctest dummy_threading email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch formatter \
    fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac html http \
    httplib idlelib imaplib imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache locale \
    logging lzma macpath mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis \
    nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev parser pathlib pdb pickle pickletools \
    pipes pkgutil platform plistlib popen2 poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc \
    pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors \
    shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile sre_constants \
    sre_parse ssl stat statistics string stringprep struct subprocess sunau symbol symtable sys sysconfig syslog \
    tabnanny tarfile telnetlib tempfile termios test textwrap this threading time timeit tkinter token tokenize tomllib \
    trace traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib urllib2 uu uuid venv \
    warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo";

/// Types that are handed to others but never called themselves.
const TYPES: &[&str] = &[
    "builtins.Ellipsis",
    "builtins.NotImplemented",
    "numpy.char.chararray",
    "numpy.core.memmap.memmap",
    "numpy.ma.MaskedArray",
    "numpy.ma.core.MaskedArray",
    "numpy.matrix",
    "numpy.matrixlib.defmatrix.matrix",
    "numpy.memmap",
    "numpy.ndarray",
    "numpy.random._mt19937.MT19937",
    "numpy.random._pcg64.PCG64",
    "numpy.random._pcg64.PCG64DXSM",
    "numpy.random._philox.Philox",
    "numpy.random._sfc64.SFC64",
    "numpy.random.bit_generator.SeedSequence",
    "numpy.random.bit_generator.SeedlessSequence",
    "numpy.rec.recarray",
    "numpy.rec.record",
    "numpy.recarray",
    "numpy.record",
    "torch.channels_last",
    "torch.contiguous_format",
    "torch.nn.functional.cross_entropy",
    "torch.nn.functional.dropout",
    "torch.nn.functional.elu",
    "torch.nn.functional.gelu",
    "torch.nn.functional.hardswish",
    "torch.nn.functional.leaky_relu",
    "torch.nn.functional.log_softmax",
    "torch.nn.functional.mish",
    "torch.nn.functional.mse_loss",
    "torch.nn.functional.relu",
    "torch.nn.functional.relu6",
    "torch.nn.functional.scaled_dot_product_attention",
    "torch.nn.functional.selu",
    "torch.nn.functional.sigmoid",
    "torch.nn.functional.silu",
    "torch.nn.functional.softmax",
    "torch.nn.functional.softplus",
    "torch.nn.functional.tanh",
    "torch.strided",
    "typing.Any",
];

impl Global {
    /// What `name`, which may have dots, is in `module`, in a pickle of this protocol.
    pub(super) fn new(protocol: u8, module: &str, name: &str) -> Self {
        let (module, name) = renamed(protocol, module, name);
        // Python 3 has these modules under their new names only.
        let module = match module {
            "__builtin__" | "exceptions" => "builtins",
            "copy_reg" => "copyreg",
            other => other,
        };
        let path = format!("{module}.{name}");
        let kind = kind(&path, name);
        Self { path, kind }
    }

    /// The class or function `name` in this class.
    pub(super) fn attribute(&self, name: &str) -> Option<Self> {
        // Names with underscores lead to the machinery behind the class.
        if name.starts_with("__") || name.contains('.') {
            return None;
        }
        let path = format!("{}.{name}", self.path);
        // Else a few bytes could make any number of ever longer names.
        if path.len() > 2 * MAX_NAME {
            return None;
        }
        let kind = kind(&path, name);
        let is_class = matches!(self.kind, Kind::Known | Kind::Class);
        (is_class || kind == Kind::Known).then_some(Self { path, kind })
    }

    /// Whether whoever gets this as an argument could run code with it.
    pub(super) fn acts(&self) -> bool {
        let path = self.path.as_str();
        let is_torch_type = || super::tensors::Element::of_torch(path).is_some();
        let calls = matches!(self.kind, Kind::Function | Kind::Unlisted);
        calls && !TYPES.contains(&path) && !is_torch_type()
    }

    /// Whether no honest checkpoint keeps this for later calls: what is neither of the owner's packages nor known to
    /// compute only.
    pub(super) fn is_dangerous(&self) -> bool {
        let path = self.path.as_str();
        let is_kept = || {
            let package = KEPT_OF_TORCH
                .iter()
                .any(|package| path.starts_with(package));
            package || path.starts_with("math.") || KEPT.contains(&path)
        };
        self.kind == Kind::Function && self.acts() && !is_kept()
    }
}

fn kind(path: &str, name: &str) -> Kind {
    if KNOWN.binary_search(&path).is_ok() {
        return Kind::Known;
    }
    let package = path.split('.').next().unwrap_or_default();
    if package == "builtins" && EXCEPTIONS.binary_search(&name).is_ok() {
        return Kind::Known;
    }
    let is_standard = STANDARD_LIBRARY
        .split_ascii_whitespace()
        .any(|module| module == package);
    let is_private = package.starts_with('_') && !["__main__", "__mp_main__"].contains(&package);
    let may_act = match package {
        "torch" => !DATA_OF_TORCH.iter().any(|p| path.starts_with(p)),
        "numpy" => true,
        package => is_standard || is_private || ACTING.binary_search(&package).is_ok(),
    };
    let (around, last) = name
        .rsplit_once('.')
        .map_or(("", name), |(a, last)| (a, last));
    // What a package imports has the package's name before its own.
    let re_exports = || {
        let mut modules = path.split('.').skip(1);
        ACTING_NAMES.contains(&last)
            || modules
                .any(|part| ["os", "posix", "nt", "subprocess", "sys", "builtins"].contains(&part))
    };
    let is_within_classes = around.is_empty() || around.split('.').all(is_cap_words);
    if may_act || !is_within_classes || last.starts_with("__") || re_exports() {
        Kind::Function
    } else if is_cap_words(last) {
        Kind::Class
    } else if package == "torch" {
        Kind::Function
    } else {
        Kind::Unlisted
    }
}

/// Whether a name is written as Python's classes are: `CapWords`, perhaps behind an underscore.
fn is_cap_words(name: &str) -> bool {
    let name = name.trim_start_matches('_');
    name.starts_with(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_without_duplicates() {
        assert!(KNOWN.is_sorted_by(|a, b| a < b));
        assert!(TYPES.is_sorted_by(|a, b| a < b));
        assert!(ACTING.is_sorted_by(|a, b| a < b));
        assert!(EXCEPTIONS.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn classes_of_unknown_packages_may_be_made_and_functions_may_not() {
        for (module, name) in [
            ("__main__", "Mode"),
            ("train.config", "_Settings"),
            ("train", "Outer.Inner"),
            ("torch.distributed.fsdp.api", "ShardingStrategy"),
        ] {
            assert_eq!(
                Global::new(4, module, name).kind,
                Kind::Class,
                "{module}.{name}"
            );
        }
        for (module, name) in [
            ("__main__", "os.system"),
            ("__main__", "subprocess.Popen"),
            ("vendor.subprocess", "Popen"),
            ("subprocess", "Popen"),
            ("ctypes", "CDLL"),
            ("_ctypes", "CFuncPtr"),
            ("os", "system"),
            ("nt", "system"),
            ("__builtin__", "eval"),
            ("builtins", "getattr"),
            ("builtins", "Exception.__class__"),
            ("builtins", "Exception.mro"),
            ("builtins", "map"),
            ("abc", "ABCMeta"),
            ("inspect", "types.FunctionType"),
            ("zipfile", "ZipFile"),
            ("train", "zipfile.ZipFile"),
            ("train", "FunctionType"),
            ("sympy.core.singleton", "S"),
            ("mako.template", "Template"),
            (
                "torch.utils.data.datapipes.datapipe",
                "_IterDataPipeSerializationWrapper",
            ),
            ("operator", "attrgetter"),
            ("types", "FunctionType"),
            ("torch", "load"),
            ("torch.storage", "_load_from_bytes"),
            ("torch._C", "PyTorchFileWriter"),
            ("numpy", "load"),
            ("fire", "Fire"),
            ("psutil", "Popen"),
        ] {
            assert_eq!(
                Global::new(4, module, name).kind,
                Kind::Function,
                "{module}.{name}"
            );
        }
    }
}
