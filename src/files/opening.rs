//! From the settings of files to where they are kept. Must never take a store for one that it is
//! not: a url that is not understood is an error.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::Files;
use super::folder::FolderStore;
use super::rules::{FileRules, chunk_max, types_of};
use super::store::FileStore;
use super::workers::Workers;
use crate::config::settings::FilesSettings;
use crate::metrics::Metrics;

/// What a store that is a bucket begins with.
const BUCKET: &str = "s3://";

/// Why files cannot be kept.
#[derive(Debug, Error)]
pub enum FilesError {
    /// A folder cannot be made or read.
    #[error("the folder {} of files cannot be used: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bucket cannot be used.
    #[error("files.store {url} cannot be used: {reason}")]
    Bucket {
        /// The url.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// Where whole files are kept, as the settings say it.
enum Place {
    Folder(PathBuf),
    Bucket(Box<dyn FileStore>),
}

fn place(settings: &FilesSettings, data: &Path, workers: &Workers) -> Result<Place, FilesError> {
    Ok(match &settings.store {
        None => Place::Folder(data.join("files")),
        Some(url) if url.starts_with(BUCKET) => Place::Bucket(bucket(url, workers)?),
        Some(url) if url.contains("://") => {
            let reason = "it is neither a folder nor an s3:// url".to_owned();
            return Err(FilesError::Bucket { url: url.clone(), reason });
        }
        Some(folder) => Place::Folder(folder.into()),
    })
}

#[cfg(feature = "s3")]
fn bucket(url: &str, workers: &Workers) -> Result<Box<dyn FileStore>, FilesError> {
    match super::bucket::BucketStore::open(url, workers.clone()) {
        Ok(store) => Ok(Box::new(store)),
        Err(error) => Err(FilesError::Bucket { url: url.to_owned(), reason: error.to_string() }),
    }
}

#[cfg(not(feature = "s3"))]
fn bucket(url: &str, _workers: &Workers) -> Result<Box<dyn FileStore>, FilesError> {
    let reason = "this server was built without the cargo feature s3".to_owned();
    Err(FilesError::Bucket { url: url.to_owned(), reason })
}

/// Whether the settings say where files are kept. Makes nothing.
pub fn check(settings: &FilesSettings, data: &Path) -> Result<(), FilesError> {
    if settings.on { place(settings, data, &Workers::default()).map(drop) } else { Ok(()) }
}

/// Opens the files, if any are taken. A blocking call.
pub fn open(
    settings: &FilesSettings,
    data: &Path,
    body_max: u32,
    metrics: Arc<Metrics>,
) -> Result<Option<Files>, FilesError> {
    if !settings.on {
        return Ok(None);
    }
    let workers = Workers::default();
    let (staging, store): (_, Box<dyn FileStore>) = match place(settings, data, &workers)? {
        // Beside the whole files: they get their place there without a copy.
        Place::Folder(folder) => {
            let kept = folder.join("kept");
            let made = fs::create_dir_all(&kept);
            made.map_err(|source| FilesError::Folder { folder: kept.clone(), source })?;
            (folder.join("staging"), Box::new(FolderStore::new(kept, workers.clone())))
        }
        Place::Bucket(store) => (data.join("files").join("staging"), store),
    };
    let rules = FileRules {
        size_max: settings.size_max,
        quota: settings.quota,
        types: types_of(settings.types.as_deref().unwrap_or_default()),
        unreferenced_ms: settings.unreferenced_ms,
        chunk_max: chunk_max(body_max),
    };
    let folder = staging.clone();
    match Files::open(rules, staging, store, workers, metrics) {
        Ok(files) => Ok(Some(files)),
        Err(source) => Err(FilesError::Folder { folder, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_folder_or_a_bucket() {
        let data = Path::new("data");
        let with = |store: &str| FilesSettings {
            store: Some(store.to_owned()),
            ..FilesSettings::default()
        };
        assert!(check(&FilesSettings::default(), data).is_ok());
        assert!(check(&with("/srv/files"), data).is_ok());
        assert!(check(&with("ftp://host/x"), data).is_err());
        let off = FilesSettings { on: false, ..with("ftp://host/x") };
        assert!(check(&off, data).is_ok());
        if !cfg!(feature = "s3") {
            let refused = check(&with("s3://bucket/x"), data).unwrap_err().to_string();
            assert!(refused.contains("feature s3"), "{refused}");
        }
    }
}
