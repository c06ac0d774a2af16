use super::*;

#[test]
fn lists_are_sorted_and_without_duplicates() {
    assert!(ALLOWED_GLOBALS.is_sorted_by(|a, b| a < b));
    assert!(HARMLESS_ARGUMENTS.is_sorted_by(|a, b| a < b));
    assert!(UNSAFE_PACKAGES.is_sorted_by(|a, b| a < b));
    assert!(EXCEPTIONS.is_sorted_by(|a, b| a < b));
}

#[test]
fn classes_of_unknown_packages_may_be_called_and_functions_may_not() {
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
            Kind::Unsafe,
            "{module}.{name}"
        );
    }
}
