//! Names that the rules in [`globals`](super::globals) deny.

/// Names of classes and functions that create functions or classes, or start programs. They are
/// denied in any package, because a package may import them from another one.
pub(super) const UNSAFE_NAMES: &[&str] = &[
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

/// Packages with classes that start programs, read other pickles or build functions.
pub(super) const UNSAFE_PACKAGES: &[&str] = &[
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

/// The modules of the standard library of Python 3.8 to 3.14 and of Python 2, except private ones.
pub(super) const STANDARD_LIBRARY: &str = "\
    abc aifc annotationlib antigravity argparse array ast asynchat asyncio asyncore atexit \
    audioop base64 bdb binascii binhex bisect builtins bz2 cPickle cProfile cStringIO calendar \
    cgi cgitb chunk cmath cmd code codecs codeop collections colorsys commands compileall \
    compression concurrent configparser contextlib contextvars copy copy_reg copyreg crypt csv \
    ctypes curses dataclasses datetime dbm decimal difflib dis distutils doctest dummy_threading \
    email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch formatter \
    fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip \
    hashlib heapq hmac html http httplib idlelib imaplib imghdr imp importlib inspect io \
    ipaddress itertools json keyword lib2to3 linecache locale logging lzma macpath mailbox \
    mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis \
    nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev parser pathlib \
    pdb pickle pickletools pipes pkgutil platform plistlib popen2 poplib posix posixpath pprint \
    profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re \
    readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex \
    shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile \
    sre_constants sre_parse ssl stat statistics string stringprep struct subprocess sunau symbol \
    symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios test textwrap this \
    threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle \
    turtledemo types typing unicodedata unittest urllib urllib2 uu uuid venv warnings wave \
    weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib \
    zoneinfo";
