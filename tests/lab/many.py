"""Many L2TP subscribers in one guest, all of them alice."""
from network import ACCESS_BRAS

# An xl2tpd for each: the kernel of the guest knows one tunnel for each pair of ports.  They dial again, as anybody's does: of
# fifty pppd that start together one may say nothing.
CLIENTS = """\
mkdir -p /run/many
chmod -x /etc/ppp/ip-up /etc/ppp/ip-down 2>/dev/null
cat > /run/many/ppp <<'END'
noauth
user alice
password wonderland
nodetach
nobsdcomp
nodeflate
noipdefault
nodefaultroute
mtu 1400
mru 1400
END
for n in $(seq {count}); do
	d=/run/many/$n
	mkdir -p $d
	rm -f $d/control
	: > $d/secrets
	printf '[global]\\nport = %s\\naccess control = no\\nauth file = %s\\n' $((21000 + n)) $d/secrets > $d/conf
	printf '[lac l]\\nlns = {bras}\\npppoptfile = /run/many/ppp\\nredial = yes\\nredial timeout = 1\\nmax redials = 3\\n' >> $d/conf
	xl2tpd -D -c $d/conf -s $d/secrets -C $d/control -p $d/pid > /dev/null 2>&1 &
	while [ ! -p $d/control ]; do sleep 0.05; done
	echo "c l" > $d/control
done
wait
"""


class Many:
    def __init__(self, guest, count):
        self._guest = guest
        self._count = count
        self._job = None

    def dial(self):
        """Starts to dial in, one after the other, and returns at once."""
        self._job = self._guest.start(CLIENTS.format(count=self._count, bras=ACCESS_BRAS))
        return self

    def hang_up(self):
        """All of them close their tunnels and are gone."""
        if self._job:
            self._guest.run("cat /run/many/*/pid | xargs kill", check=False)
            self._job.wait(60)
            self._job = None
