//! Pickles in which Python would call a function, or that would cost much to follow, beside a sound
//! model.

use crate::checkpoint::hostile_files::{opens, refusal, string, with_entry};

/// Functions are refused for every way in which Python would call them, also beside a valid model.
#[test]
fn functions_are_refused_in_every_form_of_call() {
    let text = |text: &str| {
        let mut pickle = Vec::new();
        string(&mut pickle, text);
        pickle
    };
    let global = |path: &str| {
        let (module, name) = path.split_once(' ').unwrap();
        format!("c{module}\n{name}\n").into_bytes()
    };
    let dotted = |module: &str, name: &str| [text(module), text(name), vec![0x93]].concat();
    let system = global("os system");
    let class = global("train Config");
    let namespace = global("types SimpleNamespace");
    let reduce = |callable: &[u8], args: &[&[u8]]| [callable, b"(", &args.concat(), b"tR"].concat();
    let make = |class: &[u8]| [class, b")\x81"].concat();
    let attribute = |name: &str, value: &[u8]| [b"}", &text(name)[..], value, b"s"].concat();
    let build = |object: &[u8], state: &[u8]| [object, state, b"b"].concat();
    let append = |object: &[u8], item: &[u8]| [object, item, b"a"].concat();
    let ls = text("ls");

    let called = |path: &str| (path.replace(' ', "."), reduce(&global(path), &[&ls]));
    let mut cases: Vec<(String, Vec<u8>)> = [
        "os system",
        "posix system",
        "nt system",
        "subprocess Popen",
        "subprocess run",
        "builtins eval",
        "builtins exec",
        "builtins open",
        "builtins __import__",
        "builtins compile",
        "builtins map",
        "importlib import_module",
        "runpy run_path",
        "ctypes CDLL",
        "pickle loads",
        "shutil rmtree",
        "webbrowser open",
        "operator attrgetter",
        "logging FileHandler",
        "zipfile ZipFile",
        "torch load",
        "torch.hub load",
        "torch.storage _load_from_bytes",
        "torch._C PyTorchFileWriter",
        "numpy load",
        "cloudpickle.cloudpickle _make_function",
        "fire Fire",
        "train main",
    ]
    .map(called)
    .into();
    let mut case = |callable: &str, pickle: Vec<u8>| cases.push((callable.to_owned(), pickle));

    case("builtins.eval", reduce(&global("__builtin__ eval"), &[&ls]));
    case(
        "train.os.system",
        reduce(&dotted("train", "os.system"), &[&ls]),
    );
    case(
        "train.subprocess.Popen",
        reduce(&dotted("train", "subprocess.Popen"), &[&ls]),
    );
    case("an object", reduce(&reduce(&class, &[&ls]), &[&ls]));
    case(
        "builtins.getattr",
        reduce(
            &global("builtins getattr"),
            &[&global("os path"), &text("system")],
        ),
    );
    case(
        "builtins.getattr",
        reduce(&global("builtins getattr"), &[&class, &text("__init__")]),
    );
    let method = reduce(&global("builtins getattr"), &[&class, &text("load")]);
    case("train.Config.load", reduce(&method, &[&ls]));
    // A class could call the functions that it is given.
    case(
        "train.Config with a function",
        reduce(&class, &[&system, &ls]),
    );
    let deep = [b"](", &system[..], b"e"].concat();
    case(
        "train.Config with a function",
        reduce(&class, &[&attribute("f", &deep)]),
    );
    // Listed, but they call what they are given.
    let generator = global("numpy.random._pickle __generator_ctor");
    case(
        "numpy.random._pickle.__generator_ctor with a function",
        reduce(&generator, &[&ls, &system]),
    );
    let default = global("collections defaultdict");
    case(
        "collections.defaultdict with a function",
        reduce(&default, &[&system]),
    );
    let partial = global("functools partial");
    case(
        "functools.partial with a function",
        reduce(&partial, &[&system, &ls]),
    );
    // Python makes these by `__new__` and iterates or closes them later.
    let made =
        |class: &str, args: &[&[u8]]| [&global(class)[..], b"(", &args.concat(), b"t\x81"].concat();
    let commands = [b"](", &ls[..], b"e"].concat();
    for name in ["builtins map", "itertools starmap", "os system"] {
        let iterator = made(name, &[&system, &commands]);
        let path = name.replace(' ', ".");
        case(&path, reduce(&global("builtins list"), &[&iterator]));
        case(&path, reduce(&class, &[&iterator]));
        let with_keywords = [&global(name)[..], b"(", &system, &commands, b"t}\x92"].concat();
        case(&path, with_keywords);
    }
    let keyword = [&class[..], b")", &attribute("f", &system), b"\x92"].concat();
    case("train.Config with a function", keyword);
    for class in [
        "zipfile ZipFile",
        "asyncio.base_events BaseEventLoop",
        "os _Environ",
        "abc ABCMeta",
        "multiprocessing.synchronize Lock",
        "torch.utils.data.datapipes.datapipe _IterDataPipeSerializationWrapper",
        "torch.fx.graph_module GraphModule",
        "paramiko.proxy ProxyCommand",
        "mako.template Template",
        "sympy.core.singleton S",
        "h5py File",
        "train FunctionType",
    ] {
        let path = class.replace(' ', ".");
        case(&path, make(&global(class)));
        case(&path, reduce(&global(class), &[&ls]));
    }
    for (module, name) in [
        ("builtins", "Exception.__class__"),
        ("builtins", "object.__class__"),
        ("inspect", "types.FunctionType"),
        ("builtins", "Exception.mro"),
    ] {
        case(&format!("{module}.{name}"), make(&dotted(module, name)));
    }
    let holder = build(&reduce(&namespace, &[]), &attribute("keys", &system));
    for callable in ["builtins dict", "collections OrderedDict", "uuid UUID"] {
        let path = format!("{} with a function", callable.replace(' ', "."));
        case(&path, reduce(&global(callable), &[&holder]));
    }
    let functions = [&b"\x8f("[..], &system, b"\x90"].concat();
    case(
        "train.Config with a function",
        reduce(&class, &[&functions]),
    );
    case(
        "uuid.UUID with a function",
        build(&make(&global("uuid UUID")), &attribute("int", &system)),
    );
    case(
        "torch.nn.Linear with a function",
        build(&make(&global("torch.nn Linear")), &attribute("f", &system)),
    );
    let slots = [
        &make(&class)[..],
        b"N",
        &attribute("__class__", &class),
        b"\x86b",
    ]
    .concat();
    case("a method that it sets on train.Config", slots);
    case("posix.system", b"(X\x02\0\0\0lsiposix\nsystem\n".to_vec());
    case("posix.system", b"(cposix\nsystem\nX\x02\0\0\0lso".to_vec());
    // What makes a class or a function.
    case(
        "builtins.type",
        reduce(&global("builtins type"), &[&ls, b")", b"}"]),
    );
    case(
        "builtins.type",
        [&global("builtins type")[..], b"(", &ls, b")}t\x81"].concat(),
    );
    case("types.FunctionType", make(&global("types FunctionType")));
    case(
        "copyreg._reconstructor",
        reduce(&global("copy_reg _reconstructor"), &[&class, &system, b"N"]),
    );
    let from_type = global("torch._tensor _rebuild_from_type_v2");
    let inner = [b"(", &ls[..], b"t"].concat();
    case(
        "torch._tensor._rebuild_from_type_v2",
        reduce(&from_type, &[&system, &class, &inner, b"}"]),
    );
    case(
        "torch._tensor._rebuild_from_type_v2",
        reduce(&from_type, &[&from_type, &class, &inner, b"}"]),
    );
    // Python looks for these methods among the attributes that the file sets.
    let with_method = |name: &str| build(&make(&class), &attribute(name, &system));
    case(
        "a method that it sets on train.Config",
        build(&with_method("__setstate__"), &ls),
    );
    case(
        "a method that it sets on train.Config",
        append(&with_method("append"), &ls),
    );
    let set_item = [&with_method("encode")[..], &ls, &ls, b"s"].concat();
    case("a method that it sets on train.Config", set_item);
    let several = [&with_method("extend")[..], b"(", &ls, b"e"].concat();
    case("a method that it sets on train.Config", several);
    let given = reduce(&namespace, &[&attribute("append", &system)]);
    case("types.SimpleNamespace with a function", append(&given, &ls));
    let ordered = reduce(&global("collections OrderedDict"), &[]);
    let ordered = build(&ordered, &attribute("__setstate__", &system));
    case(
        "a method that it sets on a dictionary",
        build(&ordered, &ls),
    );
    let parameter = global("torch._utils _rebuild_parameter_with_state");
    let parameter = reduce(
        &parameter,
        &[b"N", b"\x88", b"}", &attribute("append", &system)],
    );
    case("a method of an object", append(&parameter, &ls));
    case("a method of a tensor", build(&parameter, &ls));
    // Classes and modules themselves.
    case(
        "train.Config.__setstate__",
        build(&class, &attribute("run", &system)),
    );
    case("sys.modules.append", append(&global("sys modules"), &ls));
    // Old files name classes in references to their source code.
    let module = [b"(", &text("module")[..], &system, &ls, &ls, b"tQ"].concat();
    case("os.system", reduce(&module, &[&ls]));

    for (callable, pickle) in cases {
        let message = refusal(&with_entry(&pickle, false));
        let expected = format!("loading it with Python would call {callable}, which");
        assert!(message.contains(&expected), "{callable}: {message}");
    }
    // The same shapes with data are no functions.
    for harmless in [
        reduce(&class, &[&ls]),
        reduce(&class, &[&global("torch float32")]),
        build(&make(&class), &attribute("append", &ls)),
        append(&make(&class), &ls),
        reduce(&global("builtins getattr"), &[&class, &text("Inner")]),
        reduce(
            &global("copy_reg _reconstructor"),
            &[&class, &global("__builtin__ object"), b"N"],
        ),
        system,
        reduce(
            &global("functools partial"),
            &[&global("train warmup"), b"K\x01"],
        ),
        reduce(&default, &[&global("train make")]),
        reduce(&default, &[&global("__builtin__ long")]),
        reduce(&default, &[&global("__builtin__ unicode")]),
        reduce(&global("logging getLogger"), &[&ls]),
        reduce(&global("http HTTPStatus"), &[b"K\xc8"]),
        reduce(
            &global("_operator getitem"),
            &[&global("typing Optional"), &global("__builtin__ int")],
        ),
        reduce(
            &global("numpy.core _ufunc_reconstruct"),
            &[&text("numpy"), &text("add")],
        ),
        make(&global("train lower_case")),
        build(
            &make(&class),
            &attribute("activation", &global("train act")),
        ),
        b"L5000000000L\n".to_vec(),
    ] {
        assert!(opens(&with_entry(&harmless, false)), "{harmless:?}");
    }
}

/// Few bytes that would have a long list searched or copied many times over.
#[test]
fn repeated_work_is_bounded() {
    let list = [&b"]q\x09("[..], &b"K\x01".repeat(100_000), b"e"].concat();
    let searched = b"ctrain\nConfig\n(h\x09tR0".repeat(200);
    let pairs = [&b"]q\x08("[..], &b"K\x01K\x01\x86".repeat(100_000), b"e"].concat();
    let copied = b"ccollections\nOrderedDict\n(h\x08tR0".repeat(200);
    for value in [[list, searched].concat(), [pairs, copied].concat()] {
        let message = refusal(&with_entry(&value, false));
        assert!(
            message.contains("exceeds the limit of values or memory"),
            "{message}"
        );
    }

    // Each name in a class is as long as those of all classes around it.
    let mut names = b"c__builtin__\ngetattr\nq\x0a0".to_vec();
    string(&mut names, &"A".repeat(200));
    names.extend(b"q\x0b0ctrain\nConfig\n");
    names.extend(b"q\x0c0h\x0a(h\x0ch\x0btR".repeat(20_000));
    let message = refusal(&with_entry(&names, false));
    assert!(message.contains("would call builtins.getattr"), "{message}");
}

/// Each of these few bytes, repeated, would take gigabytes or hours.
#[test]
fn repeated_names_marks_and_metadata_are_bounded() {
    let mut long = Vec::new();
    string(&mut long, &"k".repeat(1 << 20));
    let storage = [
        b"(X\x07\0\0\0storagectorch\nFloatStorage\n",
        &long[..],
        b"X\x03\0\0\0cpuK\x04tq\xf00",
    ]
    .concat();
    let nones = |n: usize| [&b"]("[..], &b"N".repeat(n), b"e\x85q\xf00"].concat();
    let items = |n: usize| [&b"}("[..], &b"NN".repeat(n), b"uq\xf00"].concat();
    let tensor = b"((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQK\0))\x88h\xf0h\xf0t\
        q\xf10ctorch._utils\n_rebuild_tensor_v2\nq\xf20";
    for (what, value) in [
        ("memo", [&b"N"[..], &b"\x94".repeat(3_000_000)].concat()),
        ("marks", [&b"(".repeat(3_000_000)[..], b"N"].concat()),
        (
            "pairs",
            [
                &nones(100_000)[..],
                b"ccollections\nOrderedDict\nq\xf10",
                &b"h\xf1h\xf0R0".repeat(10_000),
                b"N",
            ]
            .concat(),
        ),
        (
            "metadata",
            [
                &items(100_000)[..],
                tensor,
                &b"h\xf2h\xf1R0".repeat(10_000),
                b"N",
            ]
            .concat(),
        ),
    ] {
        let message = refusal(&with_entry(&value, false));
        assert!(
            message.contains("exceeds the limit of values or memory"),
            "{what}: {message}"
        );
    }
    let message = refusal(&with_entry(&[&storage[..], b"h\xf0Q"].concat(), false));
    assert!(message.contains("malformed"), "{message}");
    // Names are kept once.
    let names = [
        b"X\x01\0\0\0mq\xf00X\x01\0\0\0Nq\xf10",
        &b"h\xf0h\xf1\x930".repeat(100_000)[..],
        b"N",
    ]
    .concat();
    assert!(opens(&with_entry(&names, false)));
}

#[test]
fn unsupported_opcodes_are_named_in_the_error() {
    for (pickle, opcode) in [
        (&b"(itrain\nC\n"[..], "INST of protocol 0"),
        (b"(ctrain\nC\no", "OBJ of protocol 1"),
        (b"\x82\x01", "EXT1 of protocol 2"),
        (b"\x97", "NEXT_BUFFER of protocol 5"),
        (b"\x98", "READONLY_BUFFER of protocol 5"),
        (b"S'a'\n", "STRING of protocol 0"),
        (b"Va\n", "UNICODE of protocol 0"),
        (b"F1.5\n", "FLOAT of protocol 0"),
    ] {
        let message = refusal(&with_entry(pickle, false));
        let expected = format!("is not supported: its pickle uses the opcode {opcode}");
        assert!(message.contains(&expected), "{message}");
    }
}
