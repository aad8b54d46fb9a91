# Makes a Debian with git and ssh as small as the operator's image wants it. Runs inside the tree, as root;
# the image writer and the Dockerfile both run it, so their images hold the same.
set -eu

# What a build pod asks of git (ls-remote, init, fetch, ls-tree, cat-file) needs neither Perl, nor a
# server, nor mail.
useless=$(dpkg-query -W -f '${Package}\n' | grep -E '^(perl|perl-modules-.*|libperl5.*|liberror-perl|git-man)$')
dpkg --purge --force-depends $useless
cd /usr/lib/git-core
rm -f git-daemon git-http-backend git-http-push git-http-fetch git-imap-send git-shell scalar
rm -f /usr/bin/git-shell /usr/bin/scalar
rm -rf /usr/share/gitweb /usr/share/git-core/contrib

# Whoever it runs as, the operator's own user or an engine's: ssh wants a passwd entry.
for user in imagespec:65532 engine:1000; do
  echo "${user%:*}:x:${user#*:}:" >> /etc/group
  echo "${user%:*}:x:${user#*:}:${user#*:}::/tmp:/usr/sbin/nologin" >> /etc/passwd
done

rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* /usr/share/man/* /usr/share/info/* /usr/share/locale/*
find /usr/share/doc ! -type d ! -name copyright -delete

# Nothing in the image gains rights by being run.
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
