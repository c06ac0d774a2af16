//! Reads the directory of a zip archive that `torch.save` wrote, with or without zip64 records.
//!
//! The archive must begin at the first byte of the file. Features that `torch.save` does not use
//! (compression, encryption, several disks, overlapping entries, duplicate names) are refused.

use std::collections::HashMap;
use std::ops::Range;

/// Why a file is not an archive of this kind.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ArchiveError {
    /// It violates the zip format.
    Damaged(String),
    /// It is an archive of a kind that `torch.save` does not write.
    Foreign(String),
}

/// One file in the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The range of the contents in the file.
    pub(super) data: Range<usize>,
    /// The CRC-32 of the contents; `None` if the writer did not compute it.
    pub(super) checksum: Option<u32>,
}

type Result<T> = std::result::Result<T, ArchiveError>;

const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
const CENTRAL_HEADER: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END64: &[u8] = b"PK\x06\x06";
const END64_LOCATOR: &[u8] = b"PK\x06\x07";

const LOCAL_LEN: usize = 30;
const CENTRAL_LEN: usize = 46;
const END_LEN: usize = 22;
const END64_LEN: usize = 56;
const LOCATOR_LEN: usize = 20;
const MAX_COMMENT: usize = u16::MAX as usize;

const ZIP64_EXTRA: u16 = 1;
const ENCRYPTED: u16 = 1;

/// Returns the entries of the archive by name.
pub(super) fn entries(file: &[u8]) -> Result<HashMap<&str, Entry>> {
    let directory = directory(file)?;
    let (mut at, count) = (directory.range.start, directory.count);
    let mut headers = Vec::new();
    for _ in 0..count {
        let (header, len) = central_header(file, at, directory.range.clone())?;
        headers.push(header);
        at += len;
    }
    if at != directory.range.end {
        return Err(damaged(
            "the zip central directory does not have the size in its end record",
        ));
    }

    let mut ranges = headers
        .iter()
        .map(|header| header.start..header.data.end)
        .collect::<Vec<_>>();
    ranges.sort_by_key(|range| range.start);
    if ranges.windows(2).any(|pair| pair[0].end > pair[1].start) {
        return Err(foreign("it is a zip archive whose entries overlap"));
    }
    let mut entries = HashMap::with_capacity(headers.len());
    for header in headers {
        if header.name != header.local_name {
            return Err(damaged(
                "a zip entry has another name than in the central directory",
            ));
        }
        let entry = Entry {
            data: header.data,
            checksum: Some(header.checksum).filter(|checksum| *checksum != 0),
        };
        if entries.insert(header.name, entry).is_some() {
            let name = header.name;
            return Err(ArchiveError::Foreign(format!(
                "it is a zip archive with two files {name:.80}"
            )));
        }
    }
    Ok(entries)
}

fn damaged(what: &str) -> ArchiveError {
    ArchiveError::Damaged(what.to_owned())
}

fn foreign(what: &str) -> ArchiveError {
    ArchiveError::Foreign(what.to_owned())
}

/// Position of the central directory, and number of its entries.
struct Directory {
    range: Range<usize>,
    count: u64,
}

/// Finds the central directory.
fn directory(file: &[u8]) -> Result<Directory> {
    let missing = || damaged("the zip end of central directory record is missing");
    let last = file.len().checked_sub(END_LEN).ok_or_else(missing)?;
    let is_end = |at: &usize| {
        let comment = u16_at(file, at + 20).map(usize::from);
        has(file, *at, END) && comment.is_some_and(|len| at + END_LEN + len <= file.len())
    };
    let end = (last.saturating_sub(MAX_COMMENT)..=last).rev().find(is_end);
    let end = end.ok_or_else(missing)?;

    // zip64 records take precedence, as in Python's zipfile.
    let locator = end.checked_sub(LOCATOR_LEN);
    let locator = locator.filter(|at| has(file, *at, END64_LOCATOR));
    let (disks, count, size, start, limit) = match locator {
        Some(at) => {
            let record = u64_at(file, at + 8).and_then(|at| usize::try_from(at).ok());
            let record = record.filter(|record| {
                has(file, *record, END64) && record.checked_add(END64_LEN).is_some_and(|e| e <= at)
            });
            let record = record
                .ok_or_else(|| damaged("the zip64 end of central directory record is missing"))?;
            let field = |offset| u64_at(file, record + offset).unwrap_or_default();
            // The first field is two numbers of 32 bits, both 0 for a single disk.
            (field(16), field(32), field(40), field(48), record)
        }
        None => {
            let field = |offset| u64::from(u32_at(file, end + offset).unwrap_or_default());
            let count = u16_at(file, end + 10).unwrap_or_default();
            (field(4), count.into(), field(12), field(16), end)
        }
    };
    if disks != 0 {
        return Err(foreign("it is one of several parts of a zip archive"));
    }
    let range = span(start, size).filter(|range| range.end == limit);
    let range = range.ok_or_else(|| {
        damaged("the zip central directory is not at the offset in its end record")
    })?;
    if count > (range.len() / CENTRAL_LEN) as u64 {
        return Err(damaged(
            "the zip central directory is too small for its entries",
        ));
    }
    Ok(Directory { range, count })
}

struct Header<'a> {
    name: &'a str,
    local_name: &'a str,
    /// The beginning of the local header.
    start: usize,
    data: Range<usize>,
    checksum: u32,
}

/// Reads an entry of the central directory, and its local header. Also returns its length.
fn central_header(file: &[u8], at: usize, directory: Range<usize>) -> Result<(Header<'_>, usize)> {
    let broken = || damaged("an entry of the zip central directory is truncated");
    let fixed = file[..directory.end].get(at..at.saturating_add(CENTRAL_LEN));
    let fixed = fixed
        .filter(|h| h.starts_with(CENTRAL_HEADER))
        .ok_or_else(broken)?;
    let short = |offset| u16_at(fixed, offset).unwrap_or_default();
    let long = |offset| u32_at(fixed, offset).unwrap_or_default();
    let [name_len, extra_len, comment_len] = [28, 30, 32].map(|offset| usize::from(short(offset)));
    let len = CENTRAL_LEN + name_len + extra_len + comment_len;
    if at + len > directory.end {
        return Err(broken());
    }
    if short(8) & ENCRYPTED != 0 {
        return Err(foreign("it is a zip archive with encrypted entries"));
    }
    if short(10) != 0 {
        return Err(foreign("it is a zip archive with compressed entries"));
    }
    let name_end = at + CENTRAL_LEN + name_len;
    let name = &file[at + CENTRAL_LEN..name_end];
    let mut wide = zip64_fields(&file[name_end..name_end + extra_len]);
    let mut widened = |field: u32| match field {
        u32::MAX => wide.next().ok_or_else(broken),
        field => Ok(field.into()),
    };
    // The order of the fields in the zip64 record.
    let (size, stored_size, start) = (widened(long(24))?, widened(long(20))?, widened(long(42))?);
    if size != stored_size {
        return Err(damaged("a stored zip entry has two different sizes"));
    }
    let outside = || damaged("a zip entry is outside of the file");
    let start = usize::try_from(start).map_err(|_| outside())?;
    let local = file[..directory.start].get(start..start.saturating_add(LOCAL_LEN));
    let local = local
        .filter(|h| h.starts_with(LOCAL_HEADER))
        .ok_or_else(outside)?;
    if u16_at(local, 8) != Some(0) {
        return Err(foreign("it is a zip archive with compressed entries"));
    }
    let [local_name_len, local_extra_len] =
        [26, 28].map(|offset| usize::from(u16_at(local, offset).unwrap_or_default()));
    let local_name_end = start + LOCAL_LEN + local_name_len;
    let data = span((local_name_end + local_extra_len) as u64, size);
    let data = data.filter(|data| data.end <= directory.start);
    let data = data.ok_or_else(outside)?;
    let text = |name| {
        std::str::from_utf8(name).map_err(|_| damaged("the name of a zip entry is not UTF-8"))
    };
    let header = Header {
        name: text(name)?,
        local_name: text(&file[start + LOCAL_LEN..local_name_end])?,
        start,
        data,
        checksum: long(16),
    };
    Ok((header, len))
}

/// Returns the 64-bit numbers of the zip64 records in the extra field.
fn zip64_fields(extra: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let mut rest = extra;
    let fields = std::iter::from_fn(move || {
        let (id, len) = (u16_at(rest, 0)?, u16_at(rest, 2)?);
        let (field, after) = rest.get(4..)?.split_at_checked(len.into())?;
        rest = after;
        Some((id, field))
    });
    let zip64 = fields.filter(|(id, _)| *id == ZIP64_EXTRA);
    zip64.flat_map(|(_, field)| field.as_chunks().0.iter().map(|b| u64::from_le_bytes(*b)))
}

fn span(start: u64, len: u64) -> Option<Range<usize>> {
    let end = start.checked_add(len)?;
    Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
}

fn has(file: &[u8], at: usize, signature: &[u8]) -> bool {
    file.get(at..)
        .is_some_and(|rest| rest.starts_with(signature))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
