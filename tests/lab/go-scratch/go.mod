module example.net/billing

go 1.26
