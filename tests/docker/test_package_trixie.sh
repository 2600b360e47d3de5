# The Debian package on Debian 13.
exec "$(dirname "$0")/package.sh" trixie
