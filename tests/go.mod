module vigie/tests

go 1.26.0

require vigie v0.0.0

replace vigie => ../
