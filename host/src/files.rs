//! Files appear whole or not at all, and every error names its file.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

/// A file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Reading failed.
    #[error("cannot read {path}: {error}{}", remedy_for_reading(.error))]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// It has to be text, but is not.
    #[error(
        "{path}, line {line}: not valid UTF-8 (is it the right file? \
             save it as UTF-8)"
    )]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line of the first invalid byte.
        line: usize,
    },
    /// Writing failed.
    #[error("cannot write {path}: {error}{}", remedy_for_writing(.error))]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// Its content is wrong.
    #[error(transparent)]
    Damaged(#[from] Damaged),
}

fn remedy_for_reading(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => {
            " (is the path right? has the step that creates this file been \
            run?)"
        }
        io::ErrorKind::PermissionDenied => " (run as a user who may read it)",
        io::ErrorKind::IsADirectory => " (name a file; this is a folder)",
        io::ErrorKind::NotADirectory => " (a part of the path is a file, not a folder)",
        _ => "",
    }
}

fn remedy_for_writing(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            " (free some space and continue; finished work is not lost)"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            " (choose a folder that you may write to)"
        }
        io::ErrorKind::AlreadyExists => {
            " (something else has this name: remove it, or choose another name)"
        }
        io::ErrorKind::NotFound => " (create its folder first, or choose another)",
        io::ErrorKind::IsADirectory => " (name a file; this is a folder)",
        io::ErrorKind::NotADirectory => " (a part of the path is a file, not a folder)",
        _ => "",
    }
}

/// The content of an existing file is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{path} is damaged or from another version: {reason}; {remedy}")]
pub struct Damaged {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, and where.
    pub reason: String,
    /// What to do.
    pub remedy: &'static str,
}

/// The first characters in the names of unfinished files and folders.
pub const UNFINISHED: &str = ".unfinished-";

type Result<T> = std::result::Result<T, FileError>;

/// Names the file that could not be read.
pub fn reading(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |error| FileError::Read {
        path: path.to_owned(),
        error,
    }
}

/// Names the file that could not be written.
pub fn writing(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |error| FileError::Write {
        path: path.to_owned(),
        error,
    }
}

/// Checks that a file exists, can be read, is a regular file and is not empty: reading a pipe
/// would block, and the error for a directory would not name it.
pub fn check_regular(path: &Path) -> Result<()> {
    let wrong = |what: &str| Err(reading(path)(io::Error::other(what)));
    let metadata = fs::metadata(path).map_err(reading(path))?;
    if !metadata.is_file() {
        return wrong("it is not a regular file (name the file itself)");
    }
    if metadata.len() == 0 {
        return wrong("it is empty (create it again, or name another file)");
    }
    open(path)?;
    Ok(())
}

/// The whole file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(reading(path))
}

/// The whole file, which has to be UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read(path)?).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let before = error.as_bytes().iter().take(good);
        FileError::NotText {
            path: path.to_owned(),
            line: before.filter(|byte| **byte == b'\n').count() + 1,
        }
    })
}

/// The names of the entries of a folder, in alphabetical order; names that are not valid
/// UTF-8 are left out.
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(reading(folder))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(reading(folder))?.file_name();
        names.extend(name.into_string());
    }
    names.sort();
    Ok(names)
}

/// A file to read piece by piece.
pub fn open(path: &Path) -> Result<BufReader<File>> {
    File::open(path).map(BufReader::new).map_err(reading(path))
}

/// Writes a file through a temporary one in the same folder, so that a partial file is never
/// visible.
pub fn write_with(
    path: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<()> {
    // Otherwise a file would replace the device.
    if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        let error = io::Error::other("it is a device or a pipe (name a file)");
        return Err(writing(path)(error));
    }
    replace(path, content).map_err(writing(path))
}

fn replace(path: &Path, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let beside = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        // Without the name of the temporary file, which means nothing to a user. A folder that is
        // not there says so itself, in the system's words.
        .map_err(|error| match fs::metadata(folder) {
            Ok(_) => io::Error::from(error.kind()),
            Err(absent) => absent,
        })?;
    write_all(&beside, content)?;
    beside.persist(path)?;
    Ok(())
}

fn write_all(
    file: &NamedTempFile,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut buffered = BufWriter::new(Remembering {
        file: file.as_file(),
        refused: None,
    });
    let written = content(&mut buffered).and_then(|()| buffered.flush());
    let Remembering { file, refused } = buffered.get_ref();
    written.map_err(|error| refused.map_or(error, io::Error::from_raw_os_error))?;
    // A full disk may only show when the data is actually written there.
    file.sync_data()
}

/// Keeps the system's reason: writers of formats wrap it in their own errors, which do not
/// distinguish a full disk from anything else.
struct Remembering<'a> {
    file: &'a File,
    refused: Option<i32>,
}

impl Write for Remembering<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes);
        self.refused = written.as_ref().err().and_then(io::Error::raw_os_error);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a file with this content.
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    write_with(path, |out| out.write_all(content.as_ref()))
}

/// The key under which [`write_json`] keeps the hash of all other keys.
const SEAL: &str = "seal";

/// Writes a structure as readable JSON, with a hash of itself.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    write_with(path, |out| {
        let mut value = serde_json::to_value(value)?;
        let seal = sha256(value.to_string().as_bytes());
        if let Some(object) = value.as_object_mut() {
            object.insert(SEAL.into(), seal.into());
        }
        serde_json::to_writer_pretty(&mut *out, &value)?;
        out.write_all(b"\n")
    })
}

/// Reads a file written by [`write_json`]; `remedy` is the advice for a damaged file.
pub fn read_json<T: DeserializeOwned>(path: &Path, remedy: &'static str) -> Result<T> {
    let damaged = |reason: String| Damaged {
        path: path.to_owned(),
        reason,
        remedy,
    };
    let mut value: Value =
        serde_json::from_slice(&read(path)?).map_err(|error| damaged(error.to_string()))?;
    let seal = value.as_object_mut().and_then(|object| object.remove(SEAL));
    if seal != Some(sha256(value.to_string().as_bytes()).into()) {
        return Err(damaged("its content does not match its seal".into()).into());
    }
    Ok(serde_json::from_value(value).map_err(|error| damaged(error.to_string()))?)
}

/// Writes the hashes of files of one folder, in the form of sha256sum(1).
pub fn write_sums(path: &Path, files: &[PathBuf]) -> Result<()> {
    let mut sums = String::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        sums += &format!("{}  {name}\n", sha256_of(file)?);
    }
    write(path, sums)
}

/// Checks a file against the hashes that [`write_sums`] wrote in its folder.
pub fn check_sum(sums: &Path, file: &Path, remedy: &'static str) -> Result<()> {
    check_hash(sums, file, &sha256_of(file)?, remedy)
}

/// The same for a file whose hash is known.
pub fn check_hash(sums: &Path, file: &Path, hash: &str, remedy: &'static str) -> Result<()> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let line = format!("{hash}  {name}");
    if read_text(sums)?.lines().any(|known| known == line) {
        return Ok(());
    }
    Err(Damaged {
        path: file.to_owned(),
        reason: format!("its hash differs from the one in {}", sums.display()),
        remedy,
    }
    .into())
}

/// Whether [`write_sums`] recorded a hash of that file: it does not for files that an earlier
/// version did not write.
pub fn has_sum(sums: &Path, file: &Path) -> Result<bool> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let is_of = |line: &str| {
        line.split_once("  ")
            .is_some_and(|(_, known)| known == name)
    };
    Ok(read_text(sums)?.lines().any(is_of))
}

/// Hashes everything that is read through it.
pub struct Hashing<R> {
    input: R,
    hasher: Sha256,
}

impl<R> Hashing<R> {
    /// Nothing has been read yet.
    pub fn new(input: R) -> Self {
        Self {
            input,
            hasher: Sha256::new(),
        }
    }

    /// SHA-256 of everything that was read, in hexadecimal.
    pub fn finish(self) -> String {
        hexadecimal(&self.hasher.finalize())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// SHA-256 of some bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// SHA-256 of a file, in hexadecimal.
pub fn sha256_of(path: &Path) -> Result<String> {
    let mut file = open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = [0; 64 * 1024];
    loop {
        match file.read(&mut buffer).map_err(reading(path))? {
            0 => return Ok(hexadecimal(&hasher.finalize())),
            n => hasher.update(buffer.get(..n).unwrap_or_default()),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, "old").unwrap();
        let failed = write_with(&path, |out| {
            out.write_all(b"ne")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(matches!(failed, Err(FileError::Write { .. })));
        assert_eq!(read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_full_disk_is_one_however_it_is_wrapped() {
        let mut file = NamedTempFile::new().unwrap();
        *file.as_file_mut() = File::options().write(true).open("/dev/full").unwrap();
        let failed = write_all(&file, |out| {
            let mut csv = csv::Writer::from_writer(out);
            csv.write_record(["a", "b"]).map_err(io::Error::other)?;
            csv.flush().map_err(io::Error::other)
        });
        let error = writing(Path::new("samples.csv"))(failed.unwrap_err()).to_string();
        assert!(error.contains("samples.csv"), "{error}");
        assert!(error.contains("free some space"), "{error}");
    }

    #[test]
    fn what_is_no_text_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, b"one\ntwo\nth\xffree\n").unwrap();
        let error = read_text(&path).unwrap_err().to_string();
        assert!(
            error.contains("file, line 3") && error.contains("UTF-8"),
            "{error}"
        );
    }

    #[test]
    fn a_device_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RWXU;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let error = write(&path, "content").unwrap_err().to_string();
        assert!(error.contains("name a file"), "{error}");
        assert!(!fs::metadata(&path).unwrap().is_file());
    }

    #[test]
    fn a_folder_that_is_missing_is_told_without_a_name_of_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing/file");
        let error = write(&path, "").unwrap_err().to_string();
        assert!(error.contains("create its folder first"), "{error}");
        assert!(!error.contains(UNFINISHED), "{error}");
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().unwrap();
        for error in [
            read(folder.path()).unwrap_err(),
            write(folder.path(), "").unwrap_err(),
        ] {
            assert!(error.to_string().contains("name a file"), "{error}");
        }
    }

    #[test]
    fn a_changed_json_file_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_json(
            &path,
            &serde_json::json!({ "hz": 2596119999.5, "name": "a" }),
        )
        .unwrap();
        let read_back = || read_json::<Value>(&path, "create it again");
        assert_eq!(read_back().unwrap()["hz"], 2596119999.5);
        let good = read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            write(&path, &bad).unwrap();
            // Whitespace is not content.
            let same = good[at].is_ascii_whitespace() && bad[at].is_ascii_whitespace();
            assert!(same || read_back().is_err(), "byte {at}");
        }
    }

    #[test]
    fn hashes_are_those_of_sha256sum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, "abc").unwrap();
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_of(&path).unwrap(), expected);
        assert_eq!(sha256(b"abc"), expected);
    }
}
