//! Which classes and functions a pickle may use.
//!
//! A pickle runs code by calling what it imports. Whether a name is a class that holds data or a function that acts
//! cannot be known without importing it, so the line is drawn by these rules:
//!
//! - what the standard library, torch and numpy call to rebuild tensors and plain data is listed, and nothing else of
//!   theirs may be called;
//! - of all other packages, classes may be called, which are known by their names (`CapWords`), and functions may not;
//!   but not of packages that are made for running programs;
//! - such a class must not be given functions as arguments, for it could call them.
//!
//! Nothing is ever imported or called here. The rules only decide whether the file is refused.

use super::MAX_NAME;

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
    /// Everything else: a function, or a class that may act when it is made.
    Function,
}

/// What may be called.
const KNOWN: &[&str] = &[
    "_codecs.encode",
    "argparse.Namespace",
    "array._array_reconstructor",
    "array.array",
    "builtins.bool",
    "builtins.bytearray",
    "builtins.bytes",
    "builtins.complex",
    "builtins.dict",
    "builtins.float",
    "builtins.frozenset",
    "builtins.int",
    "builtins.list",
    "builtins.object",
    "builtins.range",
    "builtins.set",
    "builtins.slice",
    "builtins.str",
    "builtins.tuple",
    "builtins.xrange",
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
    "itertools.count",
    "itertools.repeat",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy._core.numeric._frombuffer",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy.core.numeric._frombuffer",
    "numpy.dtype",
    "numpy.ma.core._mareconstruct",
    "numpy.random._pickle.__bit_generator_ctor",
    "numpy.random._pickle.__generator_ctor",
    "numpy.random._pickle.__randomstate_ctor",
    "numpy.random.bit_generator.__pyx_unpickle_SeedSequence",
    "numpy.random.bit_generator.__pyx_unpickle_SeedlessSequence",
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
    "random.Random",
    "re._compile",
    "time.struct_time",
    "torch.Size",
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
    "torch.serialization._get_layout",
    "torch.torch_version.TorchVersion",
    "types.SimpleNamespace",
    "uuid.SafeUUID",
    "uuid.UUID",
    "zoneinfo.ZoneInfo._unpickle",
];

/// Packages of torch in which classes hold settings: enums and the like.
const SETTINGS_OF_TORCH: [&str; 6] = [
    "torch.amp.",
    "torch.ao.",
    "torch.distributed.fsdp.",
    "torch.distributed.tensor.",
    "torch.nn.",
    "torch.optim.",
];

/// Packages whose classes start programs, read other pickles, or rebuild functions.
const ACTING: &[&str] = &[
    "IPython",
    "_pytest",
    "cffi",
    "cloudpickle",
    "dill",
    "distutils",
    "fabric",
    "fire",
    "gevent",
    "invoke",
    "joblib",
    "jsonpickle",
    "pexpect",
    "pip",
    "pkg_resources",
    "plumbum",
    "psutil",
    "ptyprocess",
    "pytest",
    "setuptools",
    "sh",
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
    "numpy.bool",
    "numpy.bool_",
    "numpy.float16",
    "numpy.float32",
    "numpy.float64",
    "numpy.int16",
    "numpy.int32",
    "numpy.int64",
    "numpy.int8",
    "numpy.ndarray",
    "numpy.random._mt19937.MT19937",
    "numpy.random._pcg64.PCG64",
    "numpy.random._pcg64.PCG64DXSM",
    "numpy.random._philox.Philox",
    "numpy.random._sfc64.SFC64",
    "numpy.random.bit_generator.SeedSequence",
    "numpy.random.bit_generator.SeedlessSequence",
    "numpy.uint16",
    "numpy.uint32",
    "numpy.uint64",
    "numpy.uint8",
    "torch.Tensor",
    "torch.channels_last",
    "torch.contiguous_format",
    "torch.strided",
];

impl Global {
    /// What `name`, which may have dots, is in `module`.
    pub(super) fn new(module: &str, name: &str) -> Self {
        // What pickles call these modules that Python 2 can read.
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
        (self.kind != Kind::Function || kind == Kind::Known).then_some(Self { path, kind })
    }

    /// Whether whoever gets this as an argument could run code with it.
    pub(super) fn acts(&self) -> bool {
        let path = self.path.as_str();
        let is_torch_type = || super::tensors::Element::of_torch(path).is_some();
        self.kind == Kind::Function && !TYPES.contains(&path) && !is_torch_type()
    }
}

fn kind(path: &str, name: &str) -> Kind {
    if KNOWN.binary_search(&path).is_ok() {
        return Kind::Known;
    }
    let package = path.split('.').next().unwrap_or_default();
    if package == "builtins" && is_cap_words(name) {
        // Exceptions: all other built-in classes have lower-case names.
        return Kind::Known;
    }
    let is_standard = STANDARD_LIBRARY.split(' ').any(|module| module == package);
    let is_private = package.starts_with('_') && !["__main__", "__mp_main__"].contains(&package);
    let is_class = name.split('.').all(is_cap_words);
    let may_act = match package {
        "torch" => !SETTINGS_OF_TORCH.iter().any(|p| path.starts_with(p)),
        "numpy" => true,
        package => is_standard || is_private || ACTING.contains(&package),
    };
    // A package that keeps `subprocess` under its own name is not less able to run programs.
    let re_exports = || {
        let mut modules = path.split('.').skip(1);
        modules.any(|part| ["os", "posix", "nt", "subprocess", "sys", "builtins"].contains(&part))
    };
    if is_class && !may_act && !re_exports() {
        Kind::Class
    } else {
        Kind::Function
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
                Global::new(module, name).kind,
                Kind::Class,
                "{module}.{name}"
            );
        }
        for (module, name) in [
            ("__main__", "mode"),
            ("__main__", "os.system"),
            ("__main__", "subprocess.Popen"),
            ("vendor.subprocess", "Popen"),
            ("train", "Outer.load"),
            ("subprocess", "Popen"),
            ("ctypes", "CDLL"),
            ("_ctypes", "CFuncPtr"),
            ("os", "system"),
            ("nt", "system"),
            ("__builtin__", "eval"),
            ("builtins", "getattr"),
            ("functools", "partial"),
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
                Global::new(module, name).kind,
                Kind::Function,
                "{module}.{name}"
            );
        }
    }
}
