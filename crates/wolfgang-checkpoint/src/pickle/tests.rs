use super::limits::MAX_VALUES;
use super::*;

fn parse(bytes: &[u8]) -> Result<Pickle<'_>, PickleError> {
    read(bytes).map(|(pickle, _)| pickle)
}

fn fields(pickle: &Pickle<'_>, key: &str) -> Json {
    Json::Object(pickle.fields(key, |_| None).unwrap())
}

/// `{"a": {"i": -2, "x": 0.5, "t": True, "l": []}, "b": Config(x="y")}`, protocol 2.
const SAMPLE: &[u8] =
    b"\x80\x02}(X\x01\0\0\0a}(X\x01\0\0\0iJ\xfe\xff\xff\xffX\x01\0\0\0xG?\xe0\0\0\0\0\0\0\
    X\x01\0\0\0t\x88X\x01\0\0\0l]uX\x01\0\0\0bcpkg.mod\nConfig\n)\x81}X\x01\0\0\0xX\x01\0\0\0ysbu.";

#[test]
fn fields_of_dictionaries_and_objects_are_read() {
    let pickle = parse(SAMPLE).unwrap();
    assert_eq!(pickle.keys().unwrap(), ["a", "b"]);
    assert_eq!(
        fields(&pickle, "a"),
        serde_json::json!({"i": -2, "x": 0.5, "t": true, "l": []})
    );
    assert_eq!(fields(&pickle, "b"), serde_json::json!({"x": "y"}));
    assert_eq!(
        pickle.tensors("a").unwrap_err(),
        "its \"l\" is not a tensor"
    );
    assert_eq!(
        pickle.tensors("b").unwrap_err(),
        "it is not a dictionary, but an instance of the class pkg.mod.Config"
    );
    assert_eq!(pickle.unread_classes("a"), ["pkg.mod.Config"]);
    assert!(pickle.unread_classes("b").is_empty());
}

#[test]
fn a_call_of_a_function_is_an_error_with_its_name() {
    let error = parse(b"\x80\x02cposix\nsystem\nX\x02\0\0\0ls\x85R.").err();
    assert!(matches!(error, Some(PickleError::Call(name)) if name == "posix.system"));
}

#[test]
fn a_pickle_that_ends_early_or_misuses_its_stack_is_an_error() {
    for end in 0..SAMPLE.len() {
        assert!(parse(&SAMPLE[..end]).is_err(), "cut at {end}");
    }
    for bytes in [
        &b"."[..],
        b"0.",
        b"e.",
        b"h\0.",
        b"\x85.",
        b"R.",
        b"N(0e.",
        b"\xff.",
    ] {
        assert!(parse(bytes).is_err(), "{bytes:?}");
    }
    assert!(matches!(
        parse(b"B\xff\xff\xff\xff."),
        Err(PickleError::Truncated)
    ));
}

/// A few bytes that describe many values, or many long names.
#[test]
fn the_number_and_size_of_values_are_limited() {
    let objects = [
        &b"\x80\x02cm\nC\nq\0"[..],
        &b"h\0)\x81".repeat(1 << 18),
        b".",
    ]
    .concat();
    assert!(parse(&objects).is_ok());
    let nones = [&b"N".repeat(MAX_VALUES + 2)[..], b"."].concat();
    assert!(matches!(parse(&nones), Err(PickleError::TooLarge)));
    let copies = [&b"N"[..], &b"2".repeat(MAX_VALUES + 2), b"."].concat();
    assert!(matches!(parse(&copies), Err(PickleError::TooLarge)));
    let name = [b"c", &b"m".repeat(MAX_NAME + 1)[..], b"\nf\n."].concat();
    assert!(matches!(parse(&name), Err(PickleError::Malformed)));
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_a_pickle_or_an_error(
        flips in proptest::collection::vec((0..SAMPLE.len(), 0u8..), 1..6),
    ) {
        let mut bytes = SAMPLE.to_vec();
        for (at, byte) in flips {
            bytes[at] = byte;
        }
        if let Ok(pickle) = parse(&bytes) {
            pickle.keys();
            pickle.fields("a", |_| None);
            pickle.unread_classes("a");
        }
    }
}
