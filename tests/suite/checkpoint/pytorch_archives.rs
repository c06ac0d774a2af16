//! The containers of `.pt` files: archives as each release of PyTorch writes them, and the format
//! before.

use crate::checkpoint::pytorch_variants::{
    EXPECTED, assert_bytes_same_model, continuation, original, pickle, refusal,
};
use crate::checkpoint::torch_archive::Archive;
use crate::fixtures::fixture;
use proptest::prelude::*;

/// What shows that the archives below are like torch's.
#[test]
fn archives_built_here_are_byte_for_byte_those_of_torch() {
    for name in [
        "checkpoint_step_1000",
        "prefix_ddp_of_compiled",
        "x_enum",
        "c_numpy_ints",
    ] {
        let bytes = std::fs::read(fixture(&format!("cases/{name}.pt"))).unwrap();
        assert!(Archive::read(&bytes).bytes() == bytes, "{name}");
    }
}

/// Among them those whose first directory entry has the size of the two zip64 end records (a stem
/// of 21 bytes).
#[test]
fn every_length_of_the_name_loads() {
    let archive = Archive::read(&original());
    let kinds = [false, true].map(|zip64_end| [(zip64_end, false), (zip64_end, true)]);
    for length in 1..=80 {
        for (n, (zip64_end, checksums)) in kinds.as_flattened().iter().copied().enumerate() {
            let archive = Archive {
                stem: "c".repeat(length),
                zip64_end,
                checksums,
                descriptors: (n + length) % 2 == 0,
                alignment: [1, 16, 64, 256, 4096][length % 5],
                ..archive.clone()
            };
            assert_bytes_same_model(
                &archive.bytes(),
                &format!("{length} {zip64_end} {checksums}"),
            );
        }
    }
}

/// The entries that releases of PyTorch added, and the contents of `byteorder` and `version`.
#[test]
fn entries_of_all_releases_load() {
    let archive = Archive::read(&original());
    let later = [
        ".format_version",
        ".storage_alignment",
        ".data/serialization_id",
        "byteorder",
    ];
    for known in 0..=later.len() {
        let without = later[known..].iter();
        let archive = without.fold(archive.clone(), |archive, name| archive.with(name, None));
        assert_bytes_same_model(&archive.bytes(), &format!("{known} of them"));
    }
    let archive = archive
        .with("version", Some(b"10\n"))
        .with("something_new", Some(b"x"));
    assert_bytes_same_model(&archive.bytes(), "an entry of a later release");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn archives_of_all_kinds_load(
        stem in "[a-zA-Z0-9_. äß-]{1,80}",
        alignment in prop::sample::select(vec![1usize, 2, 8, 64, 128, 512, 4096]),
        [checksums, descriptors, zip64_end, zip64_entries] in prop::array::uniform4(any::<bool>()),
        rotation in 0usize..16,
    ) {
        let mut archive = Archive { stem, alignment, checksums, descriptors, zip64_end, zip64_entries, ..Archive::read(&original()) };
        // torch.load looks entries up by name.
        let n = archive.entries.len();
        archive.entries.rotate_left(rotation % n);
        assert_bytes_same_model(&archive.bytes(), &format!("{:?}", Archive { entries: Vec::new(), ..archive.clone() }));
    }

    /// An archive that breaks the format anywhere in its directory is an error or the same model.
    #[test]
    fn damaged_directories_are_errors(at in 0usize..1500, bit in 0u8..8, zip64_end: bool, zip64_entries: bool) {
        let archive = Archive { zip64_end, zip64_entries, ..Archive::read(&original()) };
        let mut bytes = archive.bytes();
        let at = bytes.len() - 1 - at.min(bytes.len() - 1);
        bytes[at] ^= 1 << bit;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.pt");
        std::fs::write(&path, bytes).unwrap();
        if let Ok(found) = continuation(&path) {
            prop_assert_eq!(&found, &*EXPECTED);
        }
    }
}

#[test]
fn archives_that_torch_does_not_write_are_named() {
    let archive = Archive::read(&original());
    let two = Archive {
        entries: [
            archive.entries.clone(),
            vec![("data/0".to_owned(), vec![0; 4])],
        ]
        .concat(),
        ..archive.clone()
    };
    assert!(refusal(&two.bytes()).contains("two files checkpoint_step_1000/data/0"));
    let script = archive
        .clone()
        .with("constants.pkl", Some(b"\x80\x02).".as_slice()));
    assert!(refusal(&script.bytes()).contains("it is a TorchScript module"));
    let missing = refusal(&archive.clone().with("data/3", None).bytes());
    assert!(
        missing.contains("is in the storage 3, which is missing"),
        "{missing}"
    );
    let short = refusal(&archive.with("data/3", Some(&[0; 8])).bytes());
    assert!(
        short.contains("exceeds the 2 numbers of its storage"),
        "{short}"
    );
}

/// The format before PyTorch 1.6, in every protocol of these pickles, and a big-endian one.
#[test]
fn the_legacy_format_loads_in_every_protocol() {
    let archive = Archive::read(&original());
    let mut keys: Vec<_> = archive
        .entries
        .iter()
        .filter_map(|(name, _)| name.strip_prefix("data/"))
        .collect();
    keys.sort_unstable();
    let legacy = |object: &[u8], little_endian: bool, version: &[u8]| {
        let mut file = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.".to_vec();
        file.extend(version);
        file.extend(b"\x80\x02}X\x0d\0\0\0little_endian");
        file.extend([if little_endian { 0x88 } else { 0x89 }, b's', b'.']);
        file.extend(object);
        file.extend(b"\x80\x02](");
        for key in &keys {
            file.push(b'X');
            file.extend((key.len() as u32).to_le_bytes());
            file.extend(key.as_bytes());
        }
        file.extend(b"e.");
        for key in &keys {
            let name = format!("data/{key}");
            let (_, bytes) = archive
                .entries
                .iter()
                .find(|(entry, _)| *entry == name)
                .unwrap();
            file.extend((bytes.len() as u64 / 4).to_le_bytes());
            file.extend(bytes);
        }
        file
    };
    let version = b"\x80\x02M\xe9\x03.";
    let names = [
        "scheduler",
        "everything_protocol_3",
        "everything_protocol_4",
        "everything_protocol_5",
    ];
    for name in names {
        assert_bytes_same_model(&legacy(&pickle(name), true, version), name);
    }
    let object = pickle("scheduler");
    assert!(refusal(&legacy(&object, false, version)).contains("big-endian byte order"));
    assert!(refusal(&legacy(&object, true, b"\x80\x02K\x01.")).contains("an unknown version"));
    let whole = legacy(&object, true, version);
    assert!(refusal(&whole[..whole.len() - 1]).contains("the file ends within its storages"));
}
