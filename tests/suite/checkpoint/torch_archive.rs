//! Zip archives as `torch.save` writes them, byte by byte.

/// The variable parts of an archive. The default is what PyTorch 2.9 writes.
#[derive(Clone, Debug)]
pub(crate) struct Archive {
    /// The folder that all entries are in: the file's name without its ending.
    pub(crate) stem: String,
    /// Names within the folder and contents.
    pub(crate) entries: Vec<(String, Vec<u8>)>,
    /// What the offsets of contents are multiples of.
    pub(crate) alignment: usize,
    /// Whether checksums are computed.
    pub(crate) checksums: bool,
    /// Whether sizes and checksum follow the contents rather than precede them.
    pub(crate) descriptors: bool,
    /// Whether the directory ends in zip64 records.
    pub(crate) zip64_end: bool,
    /// Whether sizes and offsets are in zip64 extra fields, as for files beyond 4 GB.
    pub(crate) zip64_entries: bool,
}

impl Archive {
    /// Around these entries.
    pub(crate) fn new(stem: &str, entries: Vec<(String, Vec<u8>)>) -> Self {
        Self {
            stem: stem.to_owned(),
            entries,
            alignment: 64,
            checksums: true,
            descriptors: true,
            zip64_end: true,
            zip64_entries: false,
        }
    }

    /// The entries of an archive, and its folder.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
        let mut stem = String::new();
        let mut entries = Vec::new();
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).unwrap();
            let name = entry.name().unwrap().to_string();
            let (folder, name) = name.split_once('/').unwrap();
            folder.clone_into(&mut stem);
            let mut contents = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut contents).unwrap();
            entries.push((name.to_owned(), contents));
        }
        Self::new(&stem, entries)
    }

    /// With these contents of the entry `name`, or without it.
    pub(crate) fn with(mut self, name: &str, contents: Option<&[u8]>) -> Self {
        match contents {
            None => self.entries.retain(|(entry, _)| entry != name),
            Some(contents) => {
                let entry = self.entries.iter_mut().find(|(entry, _)| entry == name);
                match entry {
                    Some((_, old)) => *old = contents.to_vec(),
                    None => self.entries.push((name.to_owned(), contents.to_vec())),
                }
            }
        }
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut file = Vec::new();
        let mut directory = Vec::new();
        // Names are UTF-8, and perhaps a descriptor follows.
        let flags: u16 = if self.descriptors { 0x808 } else { 0x800 };
        for (name, contents) in &self.entries {
            let name = format!("{}/{name}", self.stem);
            let start = file.len();
            let checksum = if self.checksums { crc32(contents) } else { 0 };
            let size = contents.len() as u32;
            let before = if self.descriptors {
                [0; 3]
            } else {
                [checksum, size, size]
            };
            // Up to the contents there are the header, the name, and an extra field FB with its
            // padding.
            let unpadded = start + 30 + name.len() + 4;
            let padding = unpadded.next_multiple_of(self.alignment) - unpadded;
            file.extend(b"PK\x03\x04");
            put16(&mut file, &[0, flags, 0, 0, 0]);
            put32(&mut file, &before);
            put16(&mut file, &[name.len() as u16, 4 + padding as u16]);
            file.extend(name.as_bytes());
            file.extend(b"FB");
            put16(&mut file, &[padding as u16]);
            file.extend(vec![b'Z'; padding]);
            file.extend(contents);
            if self.descriptors {
                file.extend(b"PK\x07\x08");
                put32(&mut file, &[checksum, size, size]);
            }

            let wide = self.zip64_entries;
            directory.extend(b"PK\x01\x02");
            put16(&mut directory, &[0, 0, flags, 0, 0, 0]);
            let narrow = |number: u32| if wide { u32::MAX } else { number };
            put32(&mut directory, &[checksum, narrow(size), narrow(size)]);
            put16(
                &mut directory,
                &[name.len() as u16, if wide { 28 } else { 0 }],
            );
            put16(&mut directory, &[0, 0, 0]);
            put32(&mut directory, &[0, narrow(start as u32)]);
            directory.extend(name.as_bytes());
            if wide {
                put16(&mut directory, &[1, 24]);
                put64(&mut directory, &[size.into(), size.into(), start as u64]);
            }
        }
        let (start, size, n) = (file.len(), directory.len(), self.entries.len());
        file.extend(directory);
        if self.zip64_end {
            let record = file.len();
            file.extend(b"PK\x06\x06");
            put64(&mut file, &[44]);
            put16(&mut file, &[0x031e, 45]);
            put32(&mut file, &[0, 0]);
            put64(&mut file, &[n as u64, n as u64, size as u64, start as u64]);
            file.extend(b"PK\x06\x07");
            put32(&mut file, &[0]);
            put64(&mut file, &[record as u64]);
            put32(&mut file, &[1]);
        }
        file.extend(b"PK\x05\x06");
        put16(&mut file, &[0, 0, n as u16, n as u16]);
        put32(&mut file, &[size as u32, start as u32]);
        put16(&mut file, &[0]);
        file
    }
}

fn put16(to: &mut Vec<u8>, numbers: &[u16]) {
    to.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
}

fn put32(to: &mut Vec<u8>, numbers: &[u32]) {
    to.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
}

fn put64(to: &mut Vec<u8>, numbers: &[u64]) {
    to.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                crc >> 1 ^ 0xedb8_8320
            } else {
                crc >> 1
            };
        }
    }
    !crc
}
