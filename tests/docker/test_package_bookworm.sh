# The Debian package on Debian 12.
exec "$(dirname "$0")/package.sh" bookworm
