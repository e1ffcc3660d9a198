//! Ids in addresses that have no type of their own.

use protocol::ErrorCode;
use protocol::limits::ID_BYTES_MAX;

/// What nothing can be called need not be looked for, and PostgreSQL knows no NUL.
pub(super) fn known(id: &str) -> Result<(), ErrorCode> {
    if id.len() > ID_BYTES_MAX || id.contains('\0') {
        return Err(ErrorCode::NotFound);
    }
    Ok(())
}

/// The id after which a page of a list begins may be any but one that cannot be asked for.
pub(super) fn position(id: Option<&str>) -> Result<(), ErrorCode> {
    id.map_or(Ok(()), known).map_err(|_| ErrorCode::BadRequest)
}
