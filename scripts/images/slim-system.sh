# Makes a Debian with git and ssh as small as the operator's image wants it. Runs inside the tree, as root;
# the image writer and the Dockerfile both run it, so their images hold the same.
set -eu

# What the operator asks of git (ls-remote, init, fetch, checkout, submodule) needs neither Perl, nor a
# server, nor mail.
useless=$(dpkg-query -W -f '${Package}\n' | grep -E '^(perl|perl-modules-.*|libperl5.*|liberror-perl|git-man)$')
dpkg --purge --force-depends $useless
cd /usr/lib/git-core
rm -f git-daemon git-http-backend git-http-push git-http-fetch git-imap-send git-shell scalar
rm -f /usr/bin/git-shell /usr/bin/scalar
rm -rf /usr/share/gitweb /usr/share/git-core/contrib

# The one user: ssh wants a passwd entry, and its home is a place that can be written to.
echo 'imagespec:x:65532:' >> /etc/group
echo 'imagespec:x:65532:65532::/tmp:/usr/sbin/nologin' >> /etc/passwd

rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* /usr/share/man/* /usr/share/info/* /usr/share/locale/*
find /usr/share/doc ! -type d ! -name copyright -delete

# Nothing in the image gains rights by being run.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
