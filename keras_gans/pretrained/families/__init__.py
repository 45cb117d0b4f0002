"""The kinds of networks whose published weights can be imported: one short file each."""
