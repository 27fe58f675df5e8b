//! The documents both lakedr programs share.
